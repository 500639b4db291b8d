"""Which dates the demo runs."""

from datetime import UTC, date, datetime

import pytest

from include.demo.__main__ import last_started


@pytest.mark.parametrize(("hour", "last"), [(0, date(2026, 1, 30)), (2, date(2026, 1, 30)), (3, date(2026, 1, 31))])
def test_before_the_daily_start_the_last_date_is_yesterdays(hour: int, last: date) -> None:
    assert last_started(datetime(2026, 1, 31, hour, tzinfo=UTC)) == last
