"""Which publications have a figure due on a date, by reading."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from include.recommender.outcomes.metric_rows import Due
from include.retraining.monitoring.credit import HELD_DAYS, current_windows, days_of, held_windows, stage_of
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.credit import Window
    from include.retraining.warehouse.protocol import Warehouse


def due_while_current(warehouse: Warehouse, settings: RecommenderSettings, computed_for: date) -> dict[str, Due]:
    """Publications that readers had, by the switches before the date."""
    windows = current_windows(read_switch_log(warehouse), computed_for, settings.business.timezone)
    return _due(windows, settings, computed_for)


def due_when_held(warehouse: Warehouse, settings: RecommenderSettings, computed_for: date) -> dict[str, Due]:
    """Publications that passed their checks, whether or not readers had them: the offline scorer does not ask."""
    oldest = computed_for - timedelta(days=HELD_DAYS + settings.outcomes.mature_days)
    names = checked_publications(warehouse, oldest, computed_for - timedelta(days=1))
    return _due(held_windows(names, computed_for, settings.business.timezone), settings, computed_for)


def checked_publications(warehouse: Warehouse, first: date, last: date) -> list[str]:
    """Ids of the publications of some as_of_dates that their checks did not stop."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    where = {"as_of_date": days, "check_result": ["pass", "warn"]}
    return sorted(set(warehouse.read(PUBLICATIONS, where, ["publication_id"])["publication_id"].to_pylist()))


def _due(windows: Iterable[Window], settings: RecommenderSettings, computed_for: date) -> dict[str, Due]:
    timezone, mature_days = settings.business.timezone, settings.outcomes.mature_days
    due = {}
    for name, own in sorted(by_publication(windows).items()):
        stage = stage_of(own, computed_for, mature_days, timezone)
        if stage:
            due[name] = Due(stage, days_of(own, timezone), own)
    return due


def by_publication(windows: Iterable[Window]) -> Mapping[str, list[Window]]:
    """The windows of each publication."""
    found: dict[str, list[Window]] = {}
    for window in windows:
        found.setdefault(window.publication_id, []).append(window)
    return found
