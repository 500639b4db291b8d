"""Every fault does what its sentence says."""

import pickle
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.demo.errors import DemoError
from include.demo.faults import describe_faults, inject, main

DAY = date(2026, 10, 9)


def _folder(landing: Path, kind: str = "events") -> Path:
    return landing / kind / DAY.isoformat()


def _rows(landing: Path) -> pd.DataFrame:
    files = sorted(_folder(landing).glob("*.parquet"))
    rows: pd.DataFrame = pa.concat_tables([pq.ParquetFile(file).read() for file in files]).to_pandas()
    return rows


def _share(flags: pd.Series) -> float:
    return float(round(flags.mean(), 2))


def _others_equal(before: pd.DataFrame, after: pd.DataFrame, changed: str) -> bool:
    return before.drop(columns=changed).equals(after.drop(columns=changed))


ROW_FAULTS: dict[str, tuple[str, float, Callable[[pd.DataFrame, pd.DataFrame], pd.Series]]] = {
    "null_users": ("user_id", 0.08, lambda _, after: after["user_id"].isna()),
    "few_null_users": ("user_id", 0.02, lambda _, after: after["user_id"].isna()),
    "email_as_user_id": ("user_id", 1.0, lambda before, after: after["user_id"] == before["user_id"] + "@example.com"),
    "unknown_event_type": ("event_type", 0.06, lambda _, after: after["event_type"] == "hover"),
    "future_timestamps": (
        "occurred_at",
        0.07,
        lambda before, after: after["occurred_at"] == before["occurred_at"] + timedelta(days=30),
    ),
    # With the copies of the rows that were chosen.
    "unknown_items": ("item_id", 0.41, lambda before, after: after["item_id"] != before["item_id"]),
}


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_a_row_fault_damages_its_share_of_one_column(landing: Path, name: str) -> None:
    column, share, damaged = ROW_FAULTS[name]
    before = _rows(landing)
    said = inject(landing, name, DAY)
    after = _rows(landing)
    hit = damaged(before, after)
    assert _share(hit) == share
    assert after.loc[~hit, column].equals(before.loc[~hit, column])
    assert _others_equal(before, after, column)
    assert f"in {hit.sum():,} of {len(before):,} rows" in said
    assert (_folder(landing) / "_SUCCESS").exists()


def test_unknown_items_are_in_no_snapshot(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "unknown_items", DAY)
    items = pq.ParquetFile(_folder(landing, "items") / "items.parquet").read()["item_id"].to_pylist()
    assert before["item_id"].isin(items).all()
    after = _rows(landing)
    assert _share(~after["item_id"].isin(items)) == 0.41
    assert (after.groupby("event_id")["item_id"].nunique() == 1).all(), "copies of an event remain copies"


def test_missing_day_removes_the_events_only(landing: Path) -> None:
    inject(landing, "missing_day", DAY)
    assert not _folder(landing).exists()
    assert _folder(landing, "items").exists()
    assert sorted(path.name for path in (landing / "events").iterdir()) == [f"2026-10-{n:02d}" for n in (6, 7, 8, 10)]


def test_half_copied_day_has_half_of_the_rows_and_no_marker(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "half_copied_day", DAY)
    after = _rows(landing)
    assert after.equals(before.head(len(before) // 2))
    assert not (_folder(landing) / "_SUCCESS").exists()


def test_duplicate_file_is_the_same_file_under_another_name(landing: Path) -> None:
    inject(landing, "duplicate_file", DAY)
    files = sorted(_folder(landing).glob("*.parquet"))
    assert len(files) == 2
    assert files[0].read_bytes() == files[1].read_bytes()


def test_truncated_file_cannot_be_read(landing: Path) -> None:
    file = _folder(landing) / "part-000.parquet"
    size = file.stat().st_size
    inject(landing, "truncated_file", DAY)
    assert file.stat().st_size == size // 2
    assert (_folder(landing) / "_SUCCESS").exists()
    with pytest.raises(pa.ArrowInvalid):
        pq.ParquetFile(file)


def test_empty_day_keeps_columns_and_marker(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "empty_day", DAY)
    after = _rows(landing)
    assert len(after) == 0
    assert list(after.columns) == list(before.columns)
    assert (_folder(landing) / "_SUCCESS").exists()


def test_volume_drop_keeps_a_tenth(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "volume_drop", DAY)
    after = _rows(landing)
    assert len(after) == -(-len(before) // 10)
    assert set(after["event_id"]) <= set(before["event_id"])
    assert (_folder(landing) / "_SUCCESS").exists()


def test_schema_change_renames_the_user_column(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "schema_change", DAY)
    assert _rows(landing).equals(before.rename(columns={"user_id": "uid"}))


def test_stale_items_removes_the_snapshot_only(landing: Path) -> None:
    inject(landing, "stale_items", DAY)
    assert not _folder(landing, "items").exists()
    assert _folder(landing).exists()


def test_viral_item_triples_the_day_with_sound_rows(landing: Path) -> None:
    before = _rows(landing)
    inject(landing, "viral_item", DAY)
    after = _rows(landing)
    added = after.iloc[len(before) :]
    items = pq.ParquetFile(_folder(landing, "items") / "items.parquet").read().to_pandas().set_index("item_id")
    assert after.head(len(before)).equals(before)
    assert len(after) == 3 * len(before)
    assert added["item_id"].nunique() == 1
    assert set(added["event_type"]) == {"view"}
    assert set(added["user_id"]) <= set(before["user_id"])
    assert added["event_id"].is_unique
    assert not added["event_id"].isin(before["event_id"]).any()
    assert added["occurred_at"].min() >= items.loc[added["item_id"].iloc[0], "created_at"]


def test_every_fault_is_documented_and_speaks_of_what_it_did(
    landing: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    described = describe_faults()
    assert len(described) == 15
    for name, sentence in described.items():
        assert sentence.endswith(".")
        assert "\n" not in sentence
        copy = shutil.copytree(landing, tmp_path_factory.mktemp(name) / "landing")
        assert inject(copy, name, DAY).startswith(f"{name} on 2026-10-09: ")


@pytest.mark.parametrize("name", describe_faults())
def test_a_fault_repeats_and_touches_only_its_date(
    landing: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    other = shutil.copytree(landing, tmp_path_factory.mktemp("again") / "landing")
    untouched = _contents(landing)
    said = inject(landing, name, DAY)
    assert inject(other, name, DAY) == said
    assert _contents(other) == _contents(landing) != untouched
    assert _elsewhere(_contents(landing)) == _elsewhere(untouched)


def _contents(landing: Path) -> dict[str, bytes]:
    return {str(path.relative_to(landing)): path.read_bytes() for path in landing.rglob("*") if path.is_file()}


def _elsewhere(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in contents.items() if DAY.isoformat() not in path}


def test_the_share_can_be_chosen(landing: Path) -> None:
    inject(landing, "null_users", DAY, share=0.3)
    assert _share(_rows(landing)["user_id"].isna()) == 0.3


@pytest.mark.parametrize(("name", "share"), [("null_users", 0.0), ("null_users", 1.5), ("missing_day", 0.5)])
def test_an_impossible_share_is_refused(landing: Path, name: str, share: float) -> None:
    with pytest.raises(DemoError, match="share"):
        inject(landing, name, DAY, share=share)


def test_an_unknown_fault_lists_the_known_ones(landing: Path) -> None:
    with pytest.raises(ValueError, match="missing_day, half_copied_day") as refused:
        inject(landing, "earthquake", DAY)
    assert "earthquake" in str(refused.value)
    assert "Next step: " in str(refused.value)


@pytest.mark.parametrize("name", describe_faults())
def test_a_date_that_never_landed_is_refused(landing: Path, name: str) -> None:
    with pytest.raises(DemoError, match="2026-12-24"):
        inject(landing, name, date(2026, 12, 24))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("truncated_file", "null_users"),
        ("schema_change", "null_users"),
        ("schema_change", "schema_change"),
        ("empty_day", "viral_item"),
        ("missing_day", "missing_day"),
    ],
)
def test_a_fault_that_finds_nothing_to_damage_says_so(landing: Path, first: str, second: str) -> None:
    inject(landing, first, DAY)
    before = _contents(landing)
    with pytest.raises(DemoError, match="Next step"):
        inject(landing, second, DAY)
    assert _contents(landing) == before


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DemoError("a", "b", "c")))
    assert (error.expected, error.found, error.next_step) == ("a", "b", "c")


def test_the_command_injects_and_lists(landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--landing", str(landing), "--fault", "empty_day", "--date", DAY.isoformat()])
    assert "empty_day on 2026-10-09: replaced" in capsys.readouterr().out
    main(["--list"])
    listed = capsys.readouterr().out
    assert all(name in listed for name in describe_faults())


@pytest.mark.parametrize(
    "arguments", [["--fault", "empty_day"], ["--landing", "x", "--fault", "y", "--date", "2026-10-09"]]
)
def test_the_command_refuses_with_the_usual_status(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err
