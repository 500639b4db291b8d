"""Which outcomes are worth a notice: below the offline estimate for days, or an arm whose verdict turned bad."""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile
from math import hypot
from typing import TYPE_CHECKING, Any

from include.retraining.experiment import RANKER
from include.retraining.monitoring.arm_comparison import who_comes
from include.retraining.monitoring.credit import HELD, WHILE_CURRENT
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

LOOK_BACK_DAYS = 60
BAD = ("worse", "ratio_mismatch")
READINGS = (WHILE_CURRENT, HELD)


def outcome_notices(
    warehouse: Warehouse, computed_for: date, surfaces: Iterable[str], metric: str, in_a_row: int
) -> list[str]:
    """One line for each thing worth a notice on a date."""
    told = [below_estimate(warehouse, computed_for, surface, metric, in_a_row) for surface in surfaces]
    return [line for line in (*told, *turned_bad(warehouse, computed_for, metric)) if line]


def below_estimate(warehouse: Warehouse, computed_for: date, surface: str, metric: str, in_a_row: int) -> str:
    """How many matured figures of the ranker's arm in a row are worse than foretold; said at every `in_a_row`-th."""
    days = [computed_for - timedelta(days=back) for back in range(LOOK_BACK_DAYS)]
    where = {
        "computed_for": days, "reading": HELD, "stage": "matured", "surface": surface, "arm": RANKER,
        "dimension": "all", "metric": metric,
    }  # fmt: skip
    rows = [row for row in warehouse.read(OUTCOME_METRICS, where).to_pylist() if row["offline_mean"] is not None]
    by_day: dict[date, bool] = {}
    for row in rows:
        by_day[row["computed_for"]] = by_day.get(row["computed_for"], True) and is_below(row)
    worse = len(list(takewhile(bool, (by_day[day] for day in sorted(by_day, reverse=True)))))
    if computed_for not in by_day or not worse or worse % in_a_row:
        return ""
    last = max(rows, key=lambda row: (row["computed_for"], row["as_of_date"]))
    return (
        f"{surface}: the last {worse} outcomes are worse than foretold: {metric} of {last['as_of_date']} is "
        f"{last['mean']:.4f}, the offline estimate {last['offline_mean']:.4f}"
    )


def is_below(row: Mapping[str, Any]) -> bool:
    """Whether a figure lies below its estimate by more than the errors of both together allow."""
    if row["low"] is None:
        return False
    errors = hypot(row["high"] - row["low"], row["offline_high"] - row["offline_low"]) / 2
    return bool(row["mean"] + errors < row["offline_mean"])


def turned_bad(warehouse: Warehouse, computed_for: date, metric: str) -> list[str]:
    """Comparisons of arms that are bad on this date and were not on the one before: a standing verdict is no news."""
    where = {"computed_for": [computed_for - timedelta(days=1), computed_for], "metric": metric}
    verdicts: dict[tuple[str, str], dict[date, dict[str, Any]]] = {}
    for row in warehouse.read(ARM_COMPARISONS, where).to_pylist():
        verdicts.setdefault((row["surface"], row["reading"]), {})[row["computed_for"]] = row
    told = []
    for (surface, reading), days in sorted(verdicts.items()):
        before, now = days.get(computed_for - timedelta(days=1)), days.get(computed_for)
        if now and now["verdict"] in BAD and (before is None or before["verdict"] != now["verdict"]):
            told.append(f"{surface}: arm {now['arm']} against {now['reference_arm']}, {reading}: {_said(now)}")
    return told


def _said(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "ratio_mismatch":
        return f"the sizes of the arms are no accident (p = {row['sample_ratio_p']:.2g}): do not trust the comparison"
    interval = f"{row['low']:.4f} to {row['high']:.4f}"
    return f"worse by {-row['difference']:.4f} ({row['metric']}, {interval}){who_comes(row)}"
