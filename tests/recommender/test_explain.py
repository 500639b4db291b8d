"""Why an item is in a list: from a published row to everything it came from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pytest

from include.recommender import explain, pipeline
from include.recommender.explain import explanation
from include.recommender.explained_row import Question, published_row
from include.recommender.explained_score import AGAIN, KEPT, reasons_of
from include.recommender.office import decide_and_record
from include.recommender.serving import serving_snapshot
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import (
    EVENTS,
    ITEMS,
    LIST_EXPLANATIONS,
    TRAINING_SET,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.retraining.errors import OperationError
from include.retraining.landing import LandingZone
from include.retraining.run import Run
from include.retraining.tables import ALERTS, BLOCKED_ITEMS, EVALUATION_RESULTS, PUBLICATION_SWITCHES, PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.workspace import Workspace
from tests.recommender.small_rankers import ranker_on
from tests.recommender.small_world import (
    DAY,
    FakeRegistry,
    days_ago,
    evaluation_rows,
    random_catalogue,
    random_events,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.recommender.snapshot import Snapshot
    from include.retraining.registry import ModelRegistry, RegisteredModel
    from include.retraining.warehouse.table import Table

RUN = Run(DAY, "run-7", "scheduled")
SIZE = 5
SETTINGS: dict[str, dict[str, Any]] = {
    "lists": {"popularity_days": [28], "fallback": ["own_history"], "similar_method": ["cosine"]},
    "ease": {"regularisation": [10.0]},
    "tuning": {"weeks": 1},
    "publication": {"list_size": SIZE, "shards": 1},
    "explanations": {"sampled_users": 3},
}


class RegistryWithRuns(FakeRegistry):
    """Each model was made by a run of its own."""

    def run_id(self, model: RegisteredModel) -> str:
        return f"mlflow-run-of-{model.version}"


@dataclass(frozen=True)
class World:
    """A home in which DAY was published: a ranker on for_you, a rule on discover."""

    workspace: Workspace[RecommenderSettings]
    publication_id: str

    def lists(self, surface: str) -> list[dict[str, Any]]:
        where = {"publication_id": self.publication_id, "surface": surface}
        return self.workspace.warehouse.read(USER_RECOMMENDATIONS, where).to_pylist()

    @property
    def explained_users(self) -> list[str]:
        return sorted(set(self.workspace.warehouse.read(LIST_EXPLANATIONS)["user_id"].to_pylist()))

    @property
    def other_user(self) -> str:
        users = {row["user_id"] for row in self.lists("for_you")} - {"*"}
        return min(users - set(self.explained_users))


@pytest.fixture(scope="module")
def published(empty_tables: tuple[Path, dict[str, Table]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Made once by the steps of a run; tests that change it work on a copy."""
    folder, tables = empty_tables
    home = tmp_path_factory.mktemp("published")
    shutil.copytree(folder, home / "warehouse")
    warehouse = LocalWarehouse(home / "warehouse", home / "spill", "500MB", 1, dict(tables))
    registry = RegistryWithRuns()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIGAWARI_CONFIG", str(home / "none.toml"))
        workspace = Workspace(
            RecommenderSettings(**SETTINGS), warehouse, LandingZone(home / "landing"), cast("ModelRegistry", registry)
        )
        yield World(workspace, publish(workspace, registry))


def publish(workspace: Workspace[RecommenderSettings], registry: FakeRegistry) -> str:
    events = random_events(seed=61, count=300, users=12, items=25, days=40)
    for table, data in ((EVENTS, [{**row, "row_id": f"{at}"} for at, row in enumerate(events)]), (ITEMS, CATALOGUE)):
        (name,) = table.partition
        values = sorted({row[name] for row in data})
        workspace.warehouse.replace(table, {name: values}, pa.Table.from_pylist(data, schema=table.schema))
    versions = pipeline.build_item_stats(RUN, workspace)
    pipeline.build_user_stats(RUN, workspace)
    pipeline.build_user_items(RUN, workspace)
    pipeline.choose_parameters(RUN, workspace)
    pipeline.build_item_similarities(RUN, workspace)
    decision = decide(workspace, registry)
    rankers = {
        "for_you": {
            "model": decision["model"],
            "training_set": "training-set-1",
            "baseline": "baseline/own_history",
        },
        "discover": {
            "model": "baseline/recent_popularity",
            "training_set": "",
            "baseline": "baseline/recent_popularity",
        },
    }
    pipeline.score_users(RUN, workspace, 0, rankers)
    pipeline.build_popular_items(RUN, workspace)
    pipeline.build_similar_items(RUN, workspace)
    staged = pipeline.stage(RUN, workspace)
    pipeline.check_publication(RUN, workspace, staged, rankers, versions)
    pipeline.switch_current(RUN, workspace, staged)
    return str(staged["publication_id"])


CATALOGUE = random_catalogue(25)


def decide(workspace: Workspace[RecommenderSettings], registry: FakeRegistry) -> dict[str, str]:
    """Train, evaluate and promote, in short."""
    where = {"as_of_date": DAY, "surface": "for_you"}
    keys = {"user_id": "u001", "item_id": "i001", "label": 1}
    rows = [where | keys | {"snapshot_date": days_ago(age)} for age in (28, 21, 14)]
    workspace.warehouse.replace(TRAINING_SET, where, pa.Table.from_pylist(rows, schema=TRAINING_SET.schema))
    workspace.warehouse.replace(EVALUATION_RESULTS, where, evaluation_rows(DAY, 0.05))
    ranker = ranker_on(serving_snapshot(workspace, workspace.settings, DAY), workspace.settings)
    tags = {
        "as_of_date": str(DAY), "code_version": "c0de", "chosen_snapshots": "2", "chosen_rounds": "8",
        "learnt_until": str(days_ago(7)),
    }  # fmt: skip
    model = registry.add(ranker, workspace.settings, **tags)
    model.tags["surface"] = "for_you"  # type: ignore[index]
    return decide_and_record(RUN, workspace, "for_you", model.label)


@pytest.fixture
def copied(published: World, tmp_path: Path) -> World:
    """For tests that change what is there."""
    shutil.copytree(cast("LocalWarehouse", published.workspace.warehouse).folder, tmp_path / "warehouse")
    tables = dict(cast("LocalWarehouse", published.workspace.warehouse)._known)
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1, tables)
    return replace(published, workspace=replace(published.workspace, warehouse=warehouse))


def said(world: World, question: Question) -> dict[str, str]:
    """The answer by the names of its lines; what has no name goes on with the line before."""
    found: dict[str, str] = {}
    name = ""
    for line in explanation(world.workspace, question).splitlines():
        name = line[:13].strip() or name
        found[name] = "\n".join(part for part in (found.get(name), line[13:]) if part)
    return found


def row_of(world: World, surface: str, user: str, rank: int) -> dict[str, Any]:
    (row,) = (row for row in world.lists(surface) if (row["user_id"], row["rank"]) == (user, rank))
    return row


def test_rule_8_a_row_leads_to_everything_it_came_from(published: World) -> None:
    user = published.explained_users[0]
    row = row_of(published, "for_you", user, 3)
    found = said(published, Question("for_you", user, rank=3))
    (record,) = published.workspace.warehouse.read(PUBLICATIONS).to_pylist()
    assert found["row"] == f"for_you, user {user}, rank 3: item {row['item_id']}"
    assert found["score"] == f"{row['score']:.4f}"
    assert found["proposed by"] == ", ".join(row["sources"])
    assert found["fallback"] == "none: the list is personal"
    assert found["publication"].startswith(f"{published.publication_id}: as_of_date {DAY}, check ")
    assert found["publication"].endswith("readers see it now")
    assert found["run"] == "run-7"
    assert found["settings"] == published.workspace.settings.hash
    assert found["code"] == record["code_version"]
    assert found["tables read"] == "events version 1, items version 1"
    assert "lists.popularity_days 28" in found["run chose"]
    assert found["model"] == f"recommender_for_you/1: trained for {DAY} by code c0de"
    assert found["MLflow run"] == "mlflow-run-of-1; its model card is the artifact model_card/model_card.html"
    assert found["model chose"] == "2 snapshots, 8 rounds"
    assert found["training set"] == "training-set-1"
    assert found["snapshots"] == f"{days_ago(21)}, {days_ago(14)}; it knows nothing from {days_ago(7)} on"
    assert found["decision"].startswith(f"{DAY} promote: ndcg@10 over own_history +0.0500")


def test_where_ids_are_kept_as_hashes_a_row_is_found_by_the_landed_id(
    published: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = {"tama": published.other_user, published.other_user: published.other_user}
    monkeypatch.setattr("include.recommender.user_ids.hash_of", lambda user_id, _: stored[user_id])
    privacy = published.workspace.settings.privacy.model_copy(update={"hash_user_ids": True})
    hashing = published.workspace.settings.model_copy(update={"privacy": privacy})
    workspace = replace(published.workspace, settings=hashing)
    by_landed, by_stored = (explanation(workspace, Question("for_you", user, rank=1)) for user in stored)
    assert by_landed == by_stored == explanation(published.workspace, Question("for_you", published.other_user, rank=1))


def test_an_item_is_found_as_well_as_its_rank(published: World) -> None:
    user = published.explained_users[0]
    row = row_of(published, "for_you", user, 2)
    by_item = said(published, Question("for_you", user, item_id=row["item_id"]))
    assert by_item == said(published, Question("for_you", user, rank=2, publication_id=published.publication_id))


def contributions(text: str) -> list[float]:
    return [float(line.split()[0]) for line in text.splitlines()[1:]]


@pytest.mark.parametrize(("sampled", "origin"), [(True, KEPT), (False, AGAIN)], ids=["sampled", "any other"])
def test_contributions_sum_up_to_the_published_score(published: World, sampled: bool, origin: str) -> None:
    user = published.explained_users[0] if sampled else published.other_user
    for rank in (1, SIZE):
        found = said(published, Question("for_you", user, rank=rank))
        assert found["why"].splitlines()[0] == origin
        assert "popularity_gap = " in found["why"]
        assert sum(contributions(found["why"])) == pytest.approx(
            row_of(published, "for_you", user, rank)["score"], abs=0.01
        )


def test_what_was_kept_is_what_would_be_computed_again(copied: World) -> None:
    warehouse, question = copied.workspace.warehouse, Question("for_you", copied.explained_users[0], rank=1)
    kept = reasons_of(copied.workspace, published_row(warehouse, question))
    empty = LIST_EXPLANATIONS.schema.empty_table()
    warehouse.replace(LIST_EXPLANATIONS, {"as_of_date": DAY, "shard": 0}, empty)
    again = reasons_of(copied.workspace, published_row(warehouse, question))
    assert (kept.origin, again.origin) == (KEPT, AGAIN)
    assert [of.feature for of in kept.contributions] == [of.feature for of in again.contributions]
    values = [[of.contribution for of in reasons.contributions] for reasons in (kept, again)]
    assert np.allclose(*values, atol=1e-5)


def test_pairs_of_others_are_not_read_to_explain_a_row(published: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Snapshot] = []

    def noted(*arguments: Any) -> Snapshot:
        seen.append(serving_snapshot(*arguments))
        return seen[-1]

    monkeypatch.setattr("include.recommender.serving.serving_snapshot", noted)
    user = published.other_user
    row = published_row(published.workspace.warehouse, Question("for_you", user, rank=1))
    assert reasons_of(published.workspace, row).origin == AGAIN
    (snapshot,) = seen
    assert set(snapshot.user_ids[snapshot.pair_user]) == {user}


def test_reasons_of_another_try_of_the_date_are_not_taken_for_those_of_the_row(copied: World) -> None:
    warehouse, question = copied.workspace.warehouse, Question("for_you", copied.explained_users[0], rank=1)
    rows = [row | {"score": row["score"] + 1} for row in warehouse.read(LIST_EXPLANATIONS).to_pylist()]
    partition = {"as_of_date": DAY, "shard": 0}
    warehouse.replace(LIST_EXPLANATIONS, partition, pa.Table.from_pylist(rows, schema=LIST_EXPLANATIONS.schema))
    assert reasons_of(copied.workspace, published_row(warehouse, question)).origin == AGAIN


def test_where_the_tables_of_the_date_are_gone_the_answer_says_what_to_do(copied: World) -> None:
    copied.workspace.warehouse.replace(USER_STATS, {"as_of_date": DAY}, USER_STATS.schema.empty_table())
    found = said(copied, Question("for_you", copied.other_user, rank=1))
    assert found["why"] == f"gone: the tables of {DAY} are. Run that date again with publish = stage_only"
    assert found["model"].startswith("recommender_for_you/1")


def test_a_blocked_item_is_said_to_be_one(copied: World) -> None:
    user = copied.other_user
    item = row_of(copied, "for_you", user, 1)["item_id"]
    row = {"item_id": item, "number": 1, "kind": "block", "who": "", "why": "", "recorded_at": None}
    copied.workspace.warehouse.append_once(BLOCKED_ITEMS, pa.Table.from_pylist([row], schema=BLOCKED_ITEMS.schema))
    found = said(copied, Question("for_you", user, rank=1))
    assert found["blocked"] == "readers do not get this row any more"
    assert found["why"].startswith("the item is no candidate of the user any more: since then items were blocked")


@pytest.mark.parametrize(("surface", "user"), [("discover", "u000"), ("for_you", "*")])
def test_a_list_that_a_rule_made_needs_no_model(published: World, surface: str, user: str) -> None:
    found = said(published, Question(surface, user, rank=1))
    assert found["model"] == "baseline/recent_popularity: a rule"
    assert found["why"] == "a rule made the list: its score is a count, not a sum of contributions"
    assert "MLflow run" not in found


def test_a_publication_that_readers_do_not_see_is_said_to_be_one(copied: World) -> None:
    switch = copied.workspace.warehouse.read(PUBLICATION_SWITCHES).to_pylist()[-1]
    back = switch | {"number": switch["number"] + 1, "to_publication_id": "", "kind": "rollback"}
    rows = pa.Table.from_pylist([back], schema=PUBLICATION_SWITCHES.schema)
    copied.workspace.warehouse.append_once(PUBLICATION_SWITCHES, rows)
    question = Question("for_you", copied.explained_users[0], rank=1)
    with pytest.raises(OperationError, match=f"none: readers see nothing; .*{copied.publication_id}"):
        published_row(copied.workspace.warehouse, question)
    found = said(copied, replace(question, publication_id=copied.publication_id))
    assert found["publication"].endswith("readers do not see it now")


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (Question("for_yuo", "u000", rank=1), ("for_you, discover", "'for_yuo'", "--surface")),
        (Question("for_you", "nobody", rank=1), ("a list of user 'nobody' on for_you", "none", "--user '*'")),
        (Question("for_you", "u000", rank=6), ("a rank from 1 to 5", "6", "--rank")),
        (Question("for_you", "u000", rank=0), ("a rank from 1 to 5", "0", "--rank")),
        (Question("for_you", "u000", item_id="i999"), ("item 'i999' among the 5", "others, from", "the last rank")),
        (
            Question("for_you", "u000", rank=1, publication_id="2026-05-01-typo"),
            ("a recorded publication", "'2026-05-01-typo'; the newest recorded are 2026-05-01-", "--publication"),
        ),
    ],
    ids=["surface", "user", "rank", "rank 0", "item", "publication"],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_is(published: World, question: Question, parts: tuple[str, ...]) -> None:
    with pytest.raises(OperationError) as raised:
        published_row(published.workspace.warehouse, question)
    error = raised.value
    for part, text in zip(parts, (error.expected, error.found, error.next_step), strict=True):
        assert part in text


def test_before_the_first_publication_there_is_nothing_to_explain(warehouse: LocalWarehouse) -> None:
    with pytest.raises(OperationError, match="none: readers see nothing; none is recorded"):
        published_row(warehouse, Question("for_you", "u000", rank=1))


def test_the_command_explains_a_row_of_the_configured_home(
    copied: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of a rule, which needs no registry. Looking makes and migrates no table."""
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path))
    shutil.rmtree(tmp_path / "warehouse" / ALERTS.name, ignore_errors=True)
    before = sorted((tmp_path / "warehouse").rglob("*"))
    assert explain.main(["--surface", "discover", "--user", "u000", "--rank", "1"]) == 0
    row = row_of(copied, "discover", "u000", 1)
    assert f"rank 1: item {row['item_id']}" in capsys.readouterr().out
    assert explain.main(["--user", "nobody", "--item", "i001"]) == 1
    assert "Next step: check the id" in capsys.readouterr().err
    assert sorted((tmp_path / "warehouse").rglob("*")) == before


def test_a_wrong_home_is_said_to_be_one_and_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIGAWARI_HOME", str(tmp_path / "typo"))
    assert explain.main(["--user", "u000", "--rank", "1"]) == 1
    assert "set HIGAWARI_HOME" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["--user", "u000"], ["--rank", "1"], ["--user", "u", "--rank", "1", "--item", "i"]]
)
def test_a_user_and_either_a_rank_or_an_item_are_needed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        explain.main(arguments)
    assert "usage: python -m include.recommender.explain" in capsys.readouterr().err
