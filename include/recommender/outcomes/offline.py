"""What the offline evaluation had foretold: the estimate on which a promotion, or a baseline's choice, rested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.contenders import BASELINE_PREFIX
from include.recommender.evaluation import CHALLENGER
from include.retraining.promotion.paired_bootstrap import Interval
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

    # By segment and metric.
    Estimates = Mapping[tuple[str, str], Interval]


def offline_estimates(
    warehouse: Warehouse, wanted: str, surface: str, model_version: str, as_of_date: date
) -> Estimates:
    """The estimates by segment and metric for what made a list of as_of_date; none where it was never evaluated.

    Nor where it was judged by other events than `wanted`. Rows from before that was kept count as judged by these.
    """
    day, contender = as_of_date, model_version.removeprefix(BASELINE_PREFIX)
    if not model_version.startswith(BASELINE_PREFIX):
        where = {"surface": surface, "kind": "decided", "model_version": model_version}
        decided = warehouse.read(PROMOTION_DECISIONS, where, ["as_of_date"])["as_of_date"].to_pylist()
        earlier = [each for each in decided if each <= as_of_date]
        if not earlier:
            return {}
        day, contender = max(earlier), CHALLENGER
    asked = {"as_of_date": day, "surface": surface, "contender": contender, "versus": ""}
    return {
        (row["segment"], row["metric"]): Interval(row["mean"], row["low"], row["high"], row["users"])
        for row in warehouse.read(EVALUATION_RESULTS, asked).to_pylist()
        if row["wanted"] in (None, wanted)
    }
