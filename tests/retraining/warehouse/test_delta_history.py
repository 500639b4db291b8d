"""Deletes, and what is left of the past of a table."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from include.retraining.errors import TableSchemaError
from include.retraining.warehouse import delta_history, local
from include.retraining.warehouse.delta_history import again_where_files_vanished
from include.retraining.warehouse.local import LocalWarehouse
from tests.byte_search import files_with
from tests.retraining.processes import DAY, NOTES, VISITS, visits
from tests.retraining.warehouse.test_local import HOSTILE

NEXT_DAY = date(2026, 1, 2)


@pytest.fixture
def shops(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1)
    warehouse.create_tables([VISITS, NOTES])
    for day in (DAY, NEXT_DAY):
        warehouse.replace(VISITS, {"shop": "a", "day": day}, visits("a", 3, "secret", day))
        warehouse.replace(VISITS, {"shop": "a", "day": day}, visits("a", 3, "open", day))
    return warehouse


def folder_of(warehouse: LocalWarehouse) -> Path:
    return warehouse.folder / VISITS.name


def test_a_delete_takes_the_named_rows_and_no_other(shops: LocalWarehouse) -> None:
    assert shops.delete(VISITS, {"day": DAY, "number": [0, 2]}).rows == 2
    left = shops.read(VISITS, columns=["day", "number"]).to_pylist()
    assert left == [{"day": DAY, "number": 1}, *({"day": NEXT_DAY, "number": number} for number in range(3))]


def test_a_delete_of_nothing_makes_no_version(shops: LocalWarehouse) -> None:
    before = shops.version(VISITS)
    assert shops.delete(VISITS, {"note": "nobody's"}) == local.Written("visits", before, 0)


@pytest.mark.parametrize("note", HOSTILE)
def test_a_delete_takes_values_as_they_are(shops: LocalWarehouse, note: str) -> None:
    shops.append_once(NOTES, pa.table({"number": [1, 2], "who": [note, "somebody else"]}))
    assert shops.delete(NOTES, {"who": [note]}).rows == 1
    assert shops.read(NOTES)["who"].to_pylist() == ["somebody else"]


@pytest.mark.parametrize("where", [{}, {"shop": []}, {"shpo": "a"}])
def test_a_delete_that_names_nothing_is_refused(shops: LocalWarehouse, where: dict[str, object]) -> None:
    with pytest.raises(TableSchemaError):
        shops.delete(VISITS, where)


def test_nothing_of_the_past_is_left_where_no_day_is_kept(shops: LocalWarehouse) -> None:
    shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 3, "a secret", DAY))
    shops.delete(VISITS, {"note": "a secret"})
    assert any("_delta_log" in name for name in files_with(folder_of(shops), "secret"))
    before, removed = shops.read(VISITS), shops.vacuum(VISITS, keep_days=0)
    assert removed.files == 4
    assert removed.bytes > 0
    assert files_with(folder_of(shops), "secret") == []
    assert shops.read(VISITS) == before
    shops.replace(VISITS, {"shop": "b", "day": DAY}, visits("b", 1, "open", DAY))
    assert shops.read(VISITS).num_rows == before.num_rows + 1


def test_forgetting_twice_is_forgetting_once(shops: LocalWarehouse) -> None:
    """A killed task is run again: then there is no file left to remove, but the last delete is in the log."""
    shops.vacuum(VISITS, keep_days=0)
    shops.delete(VISITS, {"note": "nobody's", "number": 0})
    shops.replace(VISITS, {"shop": "a", "day": DAY}, visits("a", 1, "secret", DAY))
    shops.delete(VISITS, {"note": "secret"})
    for _ in range(2):
        shops.vacuum(VISITS, keep_days=0)
    assert files_with(folder_of(shops), "secret") == []


def test_files_that_another_process_writes_are_waited_for(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops.replace(VISITS, {"shop": "b", "day": DAY}, visits("b", 2, "new", DAY))
    commit = max((folder_of(shops) / "_delta_log").glob("*.json"))
    not_yet = shops.folder / commit.name
    commit.rename(not_yet)
    waited = []

    def let_it_commit(seconds: float) -> None:
        waited.append(seconds)
        not_yet.rename(commit)

    monkeypatch.setattr(delta_history.time, "sleep", let_it_commit)
    other = LocalWarehouse(shops.folder, shops.folder, "500MB", 1)
    other.vacuum(VISITS, keep_days=0, dry_run=True)
    assert not waited
    other.vacuum(VISITS, keep_days=0)
    assert waited == [delta_history.SECONDS_BETWEEN_LOOKS]
    assert other.read(VISITS, {"shop": "b"})["note"].to_pylist() == ["new", "new"]
    assert files_with(folder_of(shops), "secret") == []


def test_what_a_killed_write_left_goes_at_once_when_it_is_old(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = folder_of(shops) / "part-left.parquet"
    left.write_bytes(b"secret")
    monkeypatch.setattr(delta_history.time, "time", lambda: left.stat().st_mtime + delta_history.SECONDS_TO_COMMIT)
    monkeypatch.setattr(delta_history.time, "sleep", lambda _: pytest.fail("nobody is writing"))
    shops.vacuum(VISITS, keep_days=0)
    assert not left.exists()


def test_young_files_stay(shops: LocalWarehouse) -> None:
    assert shops.vacuum(VISITS, keep_days=1).files == 0
    assert DeltaTable(str(folder_of(shops)), version=1).to_pyarrow_table()["note"].to_pylist() == ["secret"] * 3


def test_a_dry_vacuum_counts_and_leaves_all(shops: LocalWarehouse) -> None:
    files = sorted(folder_of(shops).rglob("*"))
    assert shops.vacuum(VISITS, keep_days=0, dry_run=True).files == 2
    assert sorted(folder_of(shops).rglob("*")) == files


def test_versions_that_are_named_can_still_be_read(shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    make_all_files_old(shops, monkeypatch)
    assert shops.vacuum(VISITS, keep_days=1, keep_versions=[1, 999]).files == 1
    assert DeltaTable(str(folder_of(shops)), version=1).to_pyarrow_table()["note"].to_pylist() == ["secret"] * 3
    with pytest.raises(FileNotFoundError):
        DeltaTable(str(folder_of(shops)), version=3).to_pyarrow_table()


def make_all_files_old(warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delta goes by the times in the log, which no test can set: so a day has no hours."""
    monkeypatch.setattr("include.retraining.warehouse.delta_history.HOURS_OF_A_DAY", 0)


@pytest.mark.parametrize("error", [FileNotFoundError, DeltaError])
def test_a_reader_whose_files_vanish_reads_the_newer_version(shops: LocalWarehouse, error: type[Exception]) -> None:
    tries = []

    def read() -> int:
        tries.append(1)
        if len(tries) == 1:
            shops.vacuum(VISITS, keep_days=0)
            raise error
        return shops.read(VISITS).num_rows

    forgotten: list[int] = []
    assert again_where_files_vanished(read, forget=lambda: forgotten.append(1)) == 6
    assert forgotten == [1]


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space"), DeltaError("another version"), TableSchemaError("these columns", "more", "upgrade")],
)
def test_an_append_stands_where_its_files_cannot_be_put_together(
    shops: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(delta_history, "FILES_OF_AN_APPENDED_TABLE", 1)
    monkeypatch.setattr(delta_history, "in_order", broken)
    for number in range(3):
        assert shops.append_once(NOTES, pa.table({"number": [number], "who": ["she"]})).rows == 1
    assert shops.read(NOTES)["number"].to_pylist() == [0, 1, 2]


def test_what_stays_missing_is_an_error(shops: LocalWarehouse) -> None:
    shutil.rmtree(folder_of(shops))
    with pytest.raises(DeltaError):
        shops.read(VISITS)


def test_a_table_can_be_searched_by_text_after_any_kind_of_write(shops: LocalWarehouse) -> None:
    """Delta's own delete and merge store text in a way that Arrow cannot compare with text."""
    shops.delete(VISITS, {"number": [0]})
    assert shops.read(VISITS, {"note": ["open", "other"]}).num_rows == 4
    assert shops.read(VISITS, {"note": "open"}).num_rows == 4
    shops.append_once(NOTES, pa.table({"number": [1, 2, 3], "who": ["a", "b", "c"]}))
    for who in ("b", ["b", "z"]):
        assert shops.read(NOTES, {"who": who})["number"].to_pylist() == [2]
