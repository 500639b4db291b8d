"""A champion is trained again from what was kept of it; what makes that impossible or different is said."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from include.recommender import reproduction
from include.recommender.contenders import model_name
from include.recommender.lists import TopLists
from include.recommender.reproduction import COMPARED_USERS, same_lists
from include.recommender.review import reproduce_champions
from include.recommender.serving import serving_snapshot
from include.recommender.settings import SURFACES
from include.recommender.tables import TRAINING_SET, USER_ITEMS, USER_STATS
from include.recommender.workspace import open_recommender
from include.retraining.errors import StepSkipped
from include.retraining.monitoring.tables import REPRODUCTIONS
from include.retraining.run import Run
from include.retraining.tables import ALERTS
from tests.simulated_home import DAY_BEFORE, environment_of

if TYPE_CHECKING:
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.retraining.registry import RegisteredModel
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

RUN = Run(DAY_BEFORE, "weekly", "scheduled", dag_id="recommender_weekly_review")


@pytest.fixture
def trained(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recommender:
    """A copy of a home with a champion on each surface."""
    shutil.copytree(trained_home, tmp_path / "home")
    for name, value in environment_of(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    return open_recommender()


def champion(workspace: Recommender, surface: str) -> RegisteredModel:
    name = model_name(surface)
    return workspace.registry.get(name, str(workspace.registry.champion(name)))


def reproductions(workspace: Recommender) -> dict[str, dict[str, object]]:
    return {row["surface"]: row for row in workspace.warehouse.read(REPRODUCTIONS).to_pylist()}


@pytest.mark.integration
def test_the_same_code_and_training_set_give_the_same_bytes_and_lists_once(trained: Recommender) -> None:
    for _ in range(2):
        reproduce_champions(RUN, trained)
    found = reproductions(trained)
    assert set(found) == set(SURFACES)
    users = trained.warehouse.read(USER_STATS, {"as_of_date": DAY_BEFORE}).num_rows
    for row in found.values():
        assert (row["verdict"], row["same_model"], row["max_score_difference"]) == ("same", True, 0.0)
        assert row["again_sha256"] == row["kept_sha256"]
        assert row["same_lists"] == row["users_compared"] == min(COMPARED_USERS, users)
        assert row["why"] == "the same bytes, the same lists"
    assert trained.warehouse.read(REPRODUCTIONS).num_rows == len(SURFACES)
    assert trained.warehouse.read(ALERTS).num_rows == 0


@pytest.mark.integration
def test_pairs_of_the_compared_users_are_read_and_no_others_and_the_kept_file_is_looked_at(
    trained: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduction, "COMPARED_USERS", 20)
    seen: list[Snapshot] = []

    def noted(*arguments: Any) -> Snapshot:
        seen.append(serving_snapshot(*arguments))
        return seen[-1]

    monkeypatch.setattr(reproduction, "serving_snapshot", noted)
    trained.registry.tag(champion(trained, "discover"), {"model_sha256": "of another file"})
    reproduce_champions(RUN, trained)
    found = reproductions(trained)
    assert [(row["users_compared"], row["same_model"]) for row in found.values()] == [(20, True)] * len(SURFACES)
    pairs = trained.warehouse.read(USER_ITEMS, {"as_of_date": DAY_BEFORE}).num_rows
    assert all(0 < len(snapshot.pair_item) < pairs / 2 for snapshot in seen)
    assert found["for_you"]["verdict"] == "same"
    assert found["discover"]["why"] == "the kept file is not the one that was registered"
    assert (found["discover"]["verdict"], found["discover"]["kept_sha256"]) == (
        "differs", found["discover"]["again_sha256"],
    )  # fmt: skip


@pytest.mark.integration
def test_what_differs_is_told_with_the_versions_of_the_code(
    trained: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = champion(trained, "for_you")
    kept = other.tags["code_version"]
    trained.registry.tag(
        other, {"training_settings": other.tags["training_settings"].replace('"seed":20', '"seed":19')}
    )
    monkeypatch.setattr(reproduction, "code_version", lambda: "newer")
    reproduce_champions(RUN, trained)
    found = reproductions(trained)
    assert (found["for_you"]["verdict"], found["for_you"]["same_model"]) == ("differs", False)
    assert "the model's bytes differ" in str(found["for_you"]["why"])
    assert found["for_you"]["max_score_difference"] > 0  # type: ignore[operator]
    # Equal though the code differs: that is said, and is no news to wake anybody for.
    assert found["discover"]["verdict"] == "same"
    assert found["discover"]["why"] == f"code version differs: {kept} then, newer now"
    (alert,) = trained.warehouse.read(ALERTS).to_pylist()
    assert (alert["kind"], alert["severity"]) == ("model_differs", "notice")
    assert f"code version differs: {kept} then, newer now" in alert["text"]
    assert "discover" not in alert["text"]


@pytest.mark.integration
def test_what_makes_it_impossible_is_said(trained: Recommender) -> None:
    trained.warehouse.delete(TRAINING_SET, {"as_of_date": DAY_BEFORE, "surface": "for_you"})
    discover = champion(trained, "discover")
    trained.registry.tag(discover, {"features": '["gone"]'})
    reproduce_champions(RUN, trained)
    found = reproductions(trained)
    assert (found["for_you"]["verdict"], found["for_you"]["why"]) == ("not_possible", "training set expired")
    assert (found["discover"]["verdict"], found["discover"]["why"]) == ("not_possible", "other features are learnt now")
    rows = trained.warehouse.read(TRAINING_SET, {"as_of_date": DAY_BEFORE, "surface": "discover"})
    trained.registry.tag(discover, {"features": discover.tags["features"]})
    partition = {"as_of_date": DAY_BEFORE, "surface": "discover"}
    trained.warehouse.replace(TRAINING_SET, partition, rows.slice(1))
    later = DAY_BEFORE + timedelta(days=1)
    reproduce_champions(Run(later, "later", "scheduled"), trained)
    (row,) = trained.warehouse.read(REPRODUCTIONS, {"as_of_date": later, "surface": "discover"}).to_pylist()
    assert row["verdict"] == "not_possible"
    assert "not what it learnt from" in row["why"]


def test_without_any_champion_there_is_nothing_to_do(workspace: Recommender) -> None:
    with pytest.raises(StepSkipped):
        reproduce_champions(Run(date(2026, 5, 1), "run", "manual"), workspace)


def lists(items: list[int], score: list[float]) -> TopLists:
    ranks = np.array([1, 2, 1, 2])
    sources = pa.array([["a"]] * 4)
    return TopLists(np.array([3, 3, 8, 8]), ranks, np.array(items), np.array(score), sources)


def test_lists_are_the_same_where_every_place_holds_the_same_item() -> None:
    kept = lists([1, 2, 3, 4], [0.9, 0.8, 0.7, 0.6])
    assert same_lists(kept, kept) == {"users_compared": 2, "same_lists": 2, "max_score_difference": 0.0}
    found = same_lists(kept, lists([1, 2, 4, 3], [0.9, 0.8, 0.7, 0.5]))
    assert (found["users_compared"], found["same_lists"]) == (2, 1)
    assert found["max_score_difference"] == pytest.approx(0.1)
