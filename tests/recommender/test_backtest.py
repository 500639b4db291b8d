"""The daily steps without Airflow: the command line, and that a rerun is the same run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.demo.simulator import simulate_days
from include.recommender import backtest
from include.recommender.settings import SURFACES
from include.recommender.tables import RECOMMENDER_TABLES, TRAINING_SET, USER_RECOMMENDATIONS
from include.recommender.workspace import open_recommender
from include.retraining.content_hash import content_hash
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.run import Run
from include.retraining.tables import EVALUATION_RESULTS, MACHINERY_TABLES, PROMOTION_DECISIONS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace

SERVICE = PhotoService(
    start=date(2026, 1, 5), days=26, users=120, items=70, births_per_day=2, events_per_day=450, late_share=0.03
)
LAST = SERVICE.arrival_date(SERVICE.days - 1)
SMALL = {
    "HIGAWARI_TRAINING__SNAPSHOTS": "[2]",
    "HIGAWARI_TRAINING__SNAPSHOT_STEP_DAYS": "4",
    "HIGAWARI_TRAINING__LABEL_DAYS": "4",
    "HIGAWARI_TRAINING__HOLDOUT_DAYS": "4",
    "HIGAWARI_EVALUATION__WEEKS": "2",
    "HIGAWARI_TUNING__WEEKS": "1",
    "HIGAWARI_TRAINING__NEGATIVES_PER_USER": "15",
    "HIGAWARI_TRAINING__ROUNDS": "[12]",
    "HIGAWARI_TRAINING__MIN_CHILD_WEIGHT": "2",
    "HIGAWARI_PROMOTION__BOOTSTRAP_SAMPLES": "100",
    "HIGAWARI_PROMOTION__CHAMPION_MARGIN": "0.5",
}  # fmt: skip


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_landing_zone(SERVICE, folder)
    return folder


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same service as one history."""
    folder = tmp_path_factory.mktemp("history")
    days = list(simulate_days(SERVICE))
    pq.write_table(pa.concat_tables([day.events for day in days]), folder / "events.parquet")
    pq.write_table(days[-1].items, folder / "items.parquet")
    return folder


@dataclass
class Home:
    """One HIGAWARI_HOME."""

    folder: Path

    def workspace(self) -> Workspace[RecommenderSettings]:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.environment().items():
                environment.setenv(name, value)
            return open_recommender()

    def run(self, day: date, run_id: str, **how: Any) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.environment().items():
                environment.setenv(name, value)
            run = Run(day, run_id, "manual", data_checks="accept", **how)
            return backtest.run_day(run, open_recommender())

    def environment(self) -> dict[str, str]:
        store = f"sqlite:///{self.folder}/mlflow/mlflow.db"
        return {"HIGAWARI_HOME": str(self.folder), "HIGAWARI_HASH_KEY": "k", "MLFLOW_TRACKING_URI": store, **SMALL}

    def hashes(self) -> dict[str, str]:
        warehouse = self.workspace().warehouse
        return {
            table.name: content_hash(table, warehouse.read(table)) for table in RECOMMENDER_TABLES + MACHINERY_TABLES
        }

    def models(self) -> dict[str, str]:
        """SHA-256 of every model in the registry, by lineage key."""
        from mlflow import MlflowClient

        versions = MlflowClient(f"sqlite:///{self.folder}/mlflow/mlflow.db").search_model_versions()
        return {version.tags["lineage_key"]: version.tags["model_sha256"] for version in versions}


def home_at(folder: Path, landing: Path, store: Path) -> Home:
    shutil.copytree(landing, folder / "landing")
    (folder / "mlflow").mkdir()
    shutil.copyfile(store, folder / "mlflow" / "mlflow.db")
    return Home(folder)


@pytest.fixture(scope="module")
def homes(
    tmp_path_factory: pytest.TempPathFactory, landing: Path, mlflow_store: Path
) -> Iterator[tuple[Home, Home, list[dict[str, Any]]]]:
    """Two homes that ran the same two days under other run ids, and what the first one staged."""
    first, second = (home_at(tmp_path_factory.mktemp("home") / "it", landing, mlflow_store) for _ in range(2))
    staged = [first.run(LAST - timedelta(days=1), "a"), first.run(LAST, "b")]
    second.run(LAST - timedelta(days=1), "c")
    second.run(LAST, "d")
    return first, second, staged


@pytest.mark.integration
def test_the_days_were_real_ones(homes: tuple[Home, Home, list[dict[str, Any]]]) -> None:
    warehouse = homes[0].workspace().warehouse
    assert warehouse.read(TRAINING_SET).num_rows > 500
    assert {row["choice"] for row in warehouse.read(PROMOTION_DECISIONS).to_pylist()} <= {"promote", "keep"}
    assert warehouse.read(EVALUATION_RESULTS).num_rows > 20
    assert {row["check_result"] for row in warehouse.read(PUBLICATIONS).to_pylist()} <= {"pass", "warn"}
    assert len(homes[0].models()) == 2 * len(SURFACES)


@pytest.mark.integration
def test_rule_3_the_same_days_elsewhere_give_the_same_tables_and_models(
    homes: tuple[Home, Home, list[dict[str, Any]]],
) -> None:
    first, second, _ = homes
    assert first.models() == second.models()
    left, right = first.hashes(), second.hashes()
    assert [name for name in left if left[name] != right[name]] == []


@pytest.mark.integration
def test_rule_3_a_rerun_of_the_day_adds_nothing(homes: tuple[Home, Home, list[dict[str, Any]]]) -> None:
    first, _, staged = homes
    before = first.hashes(), first.models()
    assert first.run(LAST, "b again") == staged[-1]
    assert (first.hashes(), first.models()) == before


@pytest.mark.integration
def test_rule_5_a_run_of_an_older_date_stages_and_never_moves_production(
    homes: tuple[Home, Home, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, second, staged = homes
    applied = second.workspace().warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows
    older = second.run(LAST - timedelta(days=2), "backfill")
    warehouse = second.workspace().warehouse
    assert read_switch_log(warehouse).current == staged[-1]["publication_id"]
    assert "staged only" in capsys.readouterr().err
    assert warehouse.read(PUBLICATIONS, {"publication_id": older["publication_id"]}).num_rows == 1
    assert warehouse.read(PROMOTION_DECISIONS, {"kind": "applied"}).num_rows == applied


@pytest.mark.integration
def test_a_run_without_training_publishes_what_it_has(
    landing: Path, mlflow_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_at(tmp_path / "it", landing, mlflow_store)
    staged = home.run(LAST, "a", train="skip")
    warehouse = home.workspace().warehouse
    assert read_switch_log(warehouse).current == staged["publication_id"]
    assert set(warehouse.read(USER_RECOMMENDATIONS)["model_version"].to_pylist()) == {
        "baseline/own_history",
        "baseline/recent_popularity",
    }
    assert "no training" in capsys.readouterr().err


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Undoes what the command line does to the environment; a folder to keep."""
    for name in ("HIGAWARI_HOME", "MLFLOW_TRACKING_URI", "HIGAWARI_PUBLICATION__LIST_SIZE"):
        monkeypatch.setenv(name, "4")
    monkeypatch.setenv("HIGAWARI_PUBLICATION__SHARDS", "2")
    monkeypatch.setenv("HIGAWARI_BUSINESS__POSITIVE_EVENT_TYPES", "[]")
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "keep"


@pytest.fixture
def with_registry(command_line: Path, mlflow_store: Path) -> Path:
    """The same folder with an empty MLflow store in it."""
    (command_line / "mlflow").mkdir(parents=True)
    shutil.copyfile(mlflow_store, command_line / "mlflow" / "mlflow.db")
    return command_line


@pytest.mark.integration
def test_the_command_line_writes_k_rows_per_user_and_date(source: Path, with_registry: Path, tmp_path: Path) -> None:
    days = [LAST - timedelta(days=3), LAST]
    out = tmp_path / "out"
    arguments = ["--source", str(source), "--out", str(out), "--keep", str(with_registry), "--positive", "view,like"]
    assert backtest.main([*arguments, "--as-of", f"{days[1]},{days[0]}", "--k", "5"]) == 0
    assert {path.name for path in out.iterdir()} == {f"{surface}.parquet" for surface in SURFACES}
    rows = pq.read_table(out / "for_you.parquet")
    assert rows.column_names == ["user_id", "item_id", "rank", "as_of_date"]
    frame = rows.to_pandas()
    assert sorted(set(frame["as_of_date"])) == days
    for _, of_day in frame.groupby("as_of_date"):
        assert "*" in set(of_day["user_id"])
        assert of_day["user_id"].nunique() > 60
        for _, places in of_day.groupby("user_id"):
            assert sorted(places["rank"]) == [1, 2, 3, 4, 5]
            assert places["item_id"].nunique() == 5
    new = pq.read_table(out / "discover.parquet").to_pandas()
    assert sorted(set(new["as_of_date"])) == days
    assert set(new["user_id"]) == set(frame["user_id"])
    touched = pq.read_table(source / "events.parquet").to_pandas().merge(new, on=["user_id", "item_id"])
    assert len(touched) > 0  # later
    assert (touched["occurred_at"].dt.date >= touched["as_of_date"]).all()
    # Again over the kept warehouse: no row of the first time remains.
    assert backtest.main([*arguments, "--as-of", str(days[1]), "--k", "4"]) == 0
    frame = pq.read_table(out / "for_you.parquet").to_pandas()
    assert set(frame["as_of_date"]) == {days[1]}
    assert set(frame.groupby("user_id")["rank"].max()) == {4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--as-of": "yesterday"}, "argument --as-of: dates like 2011-09-05"),
        ({"--as-of": "2026-02-30"}, "argument --as-of: dates like 2011-09-05"),
        ({"--as-of": " , "}, "argument --as-of: one date at least"),
        ({"--k": "many"}, "argument --k: invalid int value: 'many'"),
    ],
)
def test_nonsense_arguments_are_refused_with_the_name_of_the_argument(
    change: dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"--source": str(tmp_path), "--as-of": "2026-01-31", "--out": str(tmp_path / "out"), **change}
    with pytest.raises(SystemExit) as stopped:
        backtest.main([part for pair in arguments.items() for part in pair])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["--source", "--as-of", "--out"])
def test_a_missing_argument_is_named(missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = {"--source": str(tmp_path), "--as-of": "2026-01-31", "--out": str(tmp_path / "out")}
    del arguments[missing]
    with pytest.raises(SystemExit):
        backtest.main([part for pair in arguments.items() for part in pair])
    assert f"required: {missing}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("k", "folder", "message"),
    [
        ("0", "history", "publication.list_size"),
        ("5", "nowhere", "no such folder"),
    ],
)
def test_a_source_or_a_length_that_cannot_be_is_explained(
    source: Path,
    command_line: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    k: str,
    folder: str,
    message: str,
) -> None:
    named = source if folder == "history" else tmp_path / folder
    arguments = ["--source", str(named), "--as-of", str(LAST), "--out", str(tmp_path / "out"), "--k", k]
    assert backtest.main([*arguments, "--keep", str(command_line)]) == 1
    error = capsys.readouterr().err
    assert "Expected: " in error
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.integration
def test_a_date_before_the_history_is_explained(
    source: Path, with_registry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(source), "--as-of", "2020-01-01", "--out", str(tmp_path / "out")]
    assert backtest.main([*arguments, "--keep", str(with_registry), "--k", "5"]) == 1
    assert "Next step: " in capsys.readouterr().err
