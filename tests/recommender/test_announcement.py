"""How a run ended, in a few lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from include.recommender.announcement import announcement
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.quality.checks import CheckResult
from include.retraining.quality.verdict import record
from include.retraining.run import Run
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS
from tests.recommender.small_world import DAY, applied_decision

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace

RUN = Run(DAY, "run-1", "scheduled")
PUBLISHED = f"{DAY}-0123456789ab"


def test_a_run_that_did_nothing_says_so(workspace: Workspace[RecommenderSettings]) -> None:
    assert announcement(workspace, RUN).splitlines() == [
        f"as_of_date {DAY} (scheduled)",
        "input data: not checked",
        "readers see nothing",
    ]


def test_a_complete_run_tells_verdict_decision_idle_sources_publication_and_what_readers_see(
    workspace: Workspace[RecommenderSettings],
) -> None:
    warehouse = workspace.warehouse
    check = CheckResult("events.volume", "warning", "failed", "at least 100", "90", 90, 0, ())
    record(warehouse, DAY, "inputs", [check])
    decided = applied_decision("recommender_for_you/4", DAY).to_pylist()[0]
    decided |= {"kind": "decided", "choice": "keep", "reasons": ["too few users", "worse"]}
    warehouse.append_once(PROMOTION_DECISIONS, pa.Table.from_pylist([decided], schema=PROMOTION_DECISIONS.schema))
    publication = dict.fromkeys(PUBLICATIONS.columns, "") | {
        "publication_id": PUBLISHED, "as_of_date": DAY, "check_result": "warn", "row_counts": '{"popular_items": 5}',
        "created_at": datetime(2026, 5, 1, tzinfo=UTC), "valid_until": datetime(2026, 5, 3, tzinfo=UTC),
    }  # fmt: skip
    warehouse.append_once(PUBLICATIONS, pa.Table.from_pylist([publication], schema=PUBLICATIONS.schema))
    recall = dict.fromkeys(EVALUATION_RESULTS.columns, "") | {"as_of_date": DAY, "metric": "candidate_recall"}
    recall |= {"surface": "discover", "users": 9}
    recalls = {"candidates": 0.5, "source:rising": 0.0, "source:ease_10d": 0.25, "source:new_items": 0.0}
    measured = [recall | dict.fromkeys(("mean", "low", "high"), value) for value in recalls.values()]
    measured = [row | {"contender": name} for row, name in zip(measured, recalls, strict=True)]
    where = {"as_of_date": DAY, "surface": "discover"}
    warehouse.replace(EVALUATION_RESULTS, where, pa.Table.from_pylist(measured, schema=EVALUATION_RESULTS.schema))
    append_switch(warehouse, read_switch_log(warehouse), PUBLISHED, "publish", "test", "", "run-1")
    assert announcement(workspace, RUN).splitlines()[1:] == [
        "input data: warn",
        "for_you: keep recommender_for_you/4: too few users; worse",
        "discover: nothing that anybody wanted came from new_items, rising; 0 in [candidates] saves its time",
        f'publication {PUBLISHED} (check warn): {{"popular_items": 5}}',
        f"readers see {PUBLISHED}",
    ]
