"""How long a run waits for its delivery."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from include.retraining.airflow_steps import refuse_to_wait_longer
from include.retraining.errors import LandedDataError
from include.retraining.landing import LandingZone
from include.retraining.run import Run

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 29)
# 03:00 and 10:00 in Tokyo.
TICK, TYPED = datetime(2026, 11, 28, 18, tzinfo=UTC), datetime(2026, 11, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of_date", "logical_date", "run_after", "due"),
    [
        (TODAY, TICK, TICK, TICK + timedelta(hours=3)),
        (TODAY, None, TYPED, TYPED + timedelta(hours=3)),
        (date(2016, 11, 28), None, TYPED, datetime(2016, 11, 28, 18, tzinfo=UTC)),
        (date(2026, 11, 28), None, TICK, TICK),
    ],
    ids=["of today", "of today, by hand", "a year mistyped", "yesterday's, three hours after its end"],
)
def test_only_a_date_that_is_not_over_is_waited_for(
    tmp_path: Path, as_of_date: date, logical_date: datetime | None, run_after: datetime, due: datetime
) -> None:
    business, ingest = SimpleNamespace(timezone="Asia/Tokyo"), SimpleNamespace(wait_for_events_minutes=180)
    settings = SimpleNamespace(business=business, ingest=ingest)
    workspace = cast(Any, SimpleNamespace(settings=settings, landing=LandingZone(tmp_path)))
    run, dag_run = Run(as_of_date, "run", "manual"), SimpleNamespace(logical_date=logical_date, run_after=run_after)
    refuse_to_wait_longer(run, workspace, dag_run, due - timedelta(seconds=1))
    with pytest.raises(LandedDataError, match=f"by {due:%Y-%m-%d %H:%M} UTC"):
        refuse_to_wait_longer(run, workspace, dag_run, due)
