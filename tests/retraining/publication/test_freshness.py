"""Rule 7: one line says what readers see and how old it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.retraining.publication.freshness import age_in_words, freshness, main
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.tables import PUBLICATION_SWITCHES, PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.table import Table
from tests.retraining.publishing import publish

DAY = date(2026, 3, 10)
LIMIT = datetime(2026, 3, 12, tzinfo=UTC)


def test_without_a_publication_readers_see_nothing(warehouse: LocalWarehouse) -> None:
    assert freshness(warehouse, LIMIT) == (False, "readers see nothing: there is no publication yet")


@pytest.mark.parametrize(("seconds", "fresh"), [(-1, True), (0, False), (3600, False)])
def test_a_publication_is_fresh_until_its_limit(warehouse: LocalWarehouse, seconds: int, fresh: bool) -> None:
    staged, _ = publish(warehouse, DAY, 3)
    found, line = freshness(warehouse, LIMIT + timedelta(seconds=seconds))
    assert found is fresh
    assert line.startswith(f"readers see {staged.publication_id}, switched ")
    assert line.endswith(f"{'fresh until' if fresh else 'STALE since'} 2026-03-12 00:00 UTC")


def test_the_age_is_that_of_what_readers_see_and_not_of_the_last_hold(warehouse: LocalWarehouse) -> None:
    publish(warehouse, DAY, 3)
    switched_at = read_switch_log(warehouse).switches[0].switched_at
    log = read_switch_log(warehouse)
    append_switch(warehouse, log, str(log.current), "hold", "operator", "a test", "")
    assert "switched 5 h ago" in freshness(warehouse, switched_at + timedelta(hours=5))[1]


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(seconds=46), "0 min"), (timedelta(minutes=2, seconds=16), "2 min"), (timedelta(minutes=60), "1 h"),
        (timedelta(hours=47), "47 h"), (timedelta(hours=49), "2 days"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_its_largest_unit(age: timedelta, told: str) -> None:
    assert age_in_words(age) == told


def test_the_command_works_with_the_shipped_config_on_a_new_installation(
    warehouse: LocalWarehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    assert warehouse.folder.is_dir()
    assert main() == 1
    assert capsys.readouterr().out == "readers see nothing: there is no publication yet\n"


def test_looking_changes_nothing_in_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path / "new"))
    (tmp_path / "new" / "warehouse").mkdir(parents=True)
    assert main() == 1
    assert capsys.readouterr().out == "readers see nothing: there is no publication yet\n"
    assert list((tmp_path / "new").rglob("*")) == [tmp_path / "new" / "warehouse"]


def test_a_home_that_does_not_exist_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path / "typo"))
    assert main() == 2
    assert "set HIGAWARI_HOME" in capsys.readouterr().out
    assert not (tmp_path / "typo").exists()


def test_the_command_says_that_later_runs_are_held_by_whom_and_why(
    warehouse: LocalWarehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(UTC).date()
    (first, _), _ = publish(warehouse, today, 3), publish(warehouse, today, 4)
    append_switch(
        warehouse, read_switch_log(warehouse), first.publication_id, "rollback", "hana", "odd lists", "manual"
    )
    assert main() == 0
    line = capsys.readouterr().out
    assert "; later runs are HELD since " in line
    assert " by hana (odd lists): release with rollback_publication" in line
    append_switch(warehouse, read_switch_log(warehouse), first.publication_id, "release", "hana", "mended", "manual")
    assert main() == 0
    assert "HELD" not in capsys.readouterr().out


def test_settings_that_cannot_be_read_say_nothing_against_the_lists(
    warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(warehouse, datetime.now(UTC).date(), 3)
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHARDS", "many")
    assert main() == 2
    assert "publication.shards" in capsys.readouterr().out


@pytest.mark.parametrize("broken", [PUBLICATIONS, PUBLICATION_SWITCHES], ids=lambda table: table.name)
def test_a_table_that_cannot_be_read_says_nothing_against_the_lists(
    warehouse: LocalWarehouse, capsys: pytest.CaptureFixture[str], broken: Table
) -> None:
    publish(warehouse, datetime.now(UTC).date(), 3)
    for file in (warehouse.folder / broken.name).rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    assert main() == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("nobody can tell what readers see: ")


def test_a_switch_to_a_publication_without_a_row_says_nothing_against_the_lists(
    warehouse: LocalWarehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    append_switch(warehouse, read_switch_log(warehouse), "2026-03-10-gone", "publish", "somebody", "a test", "")
    assert main() == 2
    assert capsys.readouterr().out.startswith("nobody can tell what readers see: ValueError: ")


def test_the_command_ends_well_while_the_lists_are_fresh(
    warehouse: LocalWarehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(warehouse, datetime.now(UTC).date(), 3)
    assert main() == 0
    assert ": fresh until " in capsys.readouterr().out
