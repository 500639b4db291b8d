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
from include.retraining.tables import PROMOTION_DECISIONS, PUBLICATIONS
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


def test_a_complete_run_tells_verdict_decision_publication_and_what_readers_see(
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
    append_switch(warehouse, read_switch_log(warehouse), PUBLISHED, "publish", "test", "", "run-1")
    assert announcement(workspace, RUN).splitlines()[1:] == [
        "input data: warn",
        "for_you: keep recommender_for_you/4: too few users; worse",
        f'publication {PUBLISHED} (check warn): {{"popular_items": 5}}',
        f"readers see {PUBLISHED}",
    ]
