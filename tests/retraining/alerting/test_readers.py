"""Rule 7: the alert says what readers see; it pages where nothing fresh can be published, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from include.retraining.alerting.readers import UNKNOWN, Readers, impact_of, readers_now
from tests.retraining.alerting.alerts import DAY, RUN
from tests.retraining.publishing import publish

YESTERDAY = DAY - timedelta(days=1)
FRESH, OLD, NOTHING = Readers("", DAY), Readers("", YESTERDAY), Readers("")
OLD_BACKFILL = replace(RUN, why="backfill", as_of_date=YESTERDAY)
LAST_MONTH = replace(RUN, why="backfill", as_of_date=DAY - timedelta(days=30))


@pytest.mark.parametrize(
    ("run", "readers", "publishes", "severity"),
    [
        (RUN, OLD, True, "page"),
        (RUN, NOTHING, True, "page"),
        (RUN, UNKNOWN, True, "page"),
        (replace(RUN, why="backfill"), OLD, True, "page"),
        (RUN, FRESH, True, "notice"),
        (replace(RUN, as_of_date=YESTERDAY), FRESH, True, "notice"),
        (LAST_MONTH, OLD, True, "notice"),
        (OLD_BACKFILL, NOTHING, True, "notice"),
        (replace(RUN, publish="stage_only"), OLD, True, "notice"),
        (RUN, OLD, False, "notice"),
    ],
)
def test_who_is_woken(run, readers, publishes, severity) -> None:
    found, impact = impact_of(run, readers, DAY, publishes)
    assert found == severity
    assert impact


def test_rule_7_what_readers_see_is_the_last_publication_and_its_age(warehouse) -> None:
    assert readers_now(warehouse) == Readers("readers see nothing: there is no publication yet")
    staged, _ = publish(warehouse, date(2026, 3, 1), 3)
    readers = readers_now(warehouse)
    assert readers.as_of_date == date(2026, 3, 1)
    assert readers.line.startswith(f"readers see {staged.publication_id}, switched ")
    assert readers.have(date(2026, 3, 1))
    assert not readers.have(date(2026, 3, 2))


def test_a_warehouse_that_cannot_be_read_keeps_no_alert_from_going_out(warehouse, tmp_path) -> None:
    publish(warehouse, date(2026, 3, 1), 3)
    for path in (tmp_path / "warehouse" / "publication_switches").rglob("*.parquet"):
        path.unlink()
    assert readers_now(warehouse) == UNKNOWN
    assert readers_now(None) == UNKNOWN
