"""What this recommender expects of landed rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.recommender.settings import SURFACES
from include.recommender.sql import sql
from include.recommender.tables import EVERYBODY
from include.retraining.quality.checks import Check
from include.retraining.quality.expectation import between
from include.retraining.quality.privacy import PERSONAL, PERSONAL_TEXT
from include.retraining.quality.row_rules import (
    Measure,
    as_landed,
    at_least,
    at_most,
    classify,
    free_of,
    one_of,
    present,
)

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.quality.row_rules import RowRule

ONLY_EVERYBODY = f"^{re.escape(EVERYBODY)}$"
OCCURRED_AT = Measure("occurred_at", "occurred_at")
EVENT_TYPE = Measure("event_type", "NULLIF(TRIM(event_type), '')")
DAYS_TO_ARRIVE = Measure("days_to_arrive", "DATE_DIFF(arrival_date, event_date, DAY)")
# Sums with a NaN or an infinity in them are lost, so not even a readmission lets one in.
NOT_FINITE = Measure("value_not_finite", "CAST(IS_NAN(value) OR IS_INF(value) AS INT64)")
# As much of a value counts in statistics, whose sums are whole millionths. Beyond it is a timestamp, as a rule.
VALUE_LIMIT = 1_000_000_000
# Not by two comparisons the other way round: engines put NaN in different places.
TOO_LARGE = Measure("value_too_large", f"CAST(NOT (value >= -{VALUE_LIMIT} AND value <= {VALUE_LIMIT}) AS INT64)")
VALUE = Measure("value", "value")
# No rule of single rows: sql/repeated_ids.sql finds what shares an id within a delivery and is not the same event.
EVENT_ID_REPEATED = "event_id_repeated"


def event_rules(settings: RecommenderSettings) -> tuple[RowRule, ...]:
    """Rules of landed events, the reason that tells most first."""
    return (
        *_id_rules("user_id", readmittable=True),
        # The list for everybody is kept under this id: a person of the same would be given the same places.
        free_of("user_id_reserved", _id("user_id"), ONLY_EVERYBODY, f"nobody with the id {EVERYBODY}"),
        *_id_rules("item_id", readmittable=True),
        present("occurred_at_unreadable", OCCURRED_AT),
        at_least("dated_after_arrival", DAYS_TO_ARRIVE, 1, readmittable=True),
        at_most("too_late", DAYS_TO_ARRIVE, 1 + settings.ingest.lookback_days, readmittable=True),
        *_event_type_rules(settings.ingest.allowed_event_types),
        as_landed("value_unreadable", "value IS NOT NULL OR value_text IS NULL", readmittable=True),
        at_most("value_not_finite", NOT_FINITE, 0),
        at_most("value_too_large", TOO_LARGE, 0, readmittable=True),
    )


def judge_events(settings: RecommenderSettings) -> tuple[str, dict[str, object]]:
    """GoogleSQL and its parameters that add `broken_rule` to typed_events: of event_rules, or EVENT_ID_REPEATED."""
    rules, parameters = classify(event_rules(settings))
    return f"WITH classified_events AS (\n{rules}\n)\n(\n{sql('repeated_ids')}\n)", parameters


def item_rules(settings: RecommenderSettings) -> tuple[RowRule, ...]:
    """Rules of landed catalogue rows."""
    del settings  # has no say in them so far, but callers treat both kinds of rows alike
    return (
        *_id_rules("item_id", readmittable=False),
        as_landed("created_at_unreadable", "created_at IS NOT NULL OR created_at_text IS NULL", readmittable=False),
        as_landed("is_active_unreadable", "is_active_readable", readmittable=False),
    )


def exposure_rules() -> tuple[RowRule, ...]:
    """Rules of landed exposures. None lets a readmission pass: what was shown is corrected by delivering it again."""
    return (
        present("publication_id_missing", Measure("publication_id", "publication_id")),
        one_of("surface_unknown", Measure("surface", "COALESCE(surface, '')"), SURFACES),
        *_id_rules("user_id", readmittable=False),
        *_id_rules("item_id", readmittable=False),
        present("position_unreadable", Measure("position", "position")),
        present("shown_at_unreadable", Measure("shown_at", "shown_at")),
        at_least("dated_after_arrival", DAYS_TO_ARRIVE, 1),
    )


def unusual_event_checks(settings: RecommenderSettings) -> tuple[Check, ...]:
    """What is unusual in the measure VALUE of events, but not wrong: it warns, and turns no row away."""
    return (Check("events.value_out_of_range", "warning", between(VALUE.column, *settings.quality.value_range)),)


def _id(column: str) -> Measure:
    return Measure(column, f"NULLIF(TRIM({column}), '')")


def _id_rules(column: str, readmittable: bool) -> tuple[RowRule, ...]:
    return (
        present(f"{column}_missing", _id(column)),
        free_of(f"{column}_looks_personal", _id(column), PERSONAL, PERSONAL_TEXT, readmittable),
    )


def _event_type_rules(allowed: tuple[str, ...]) -> tuple[RowRule, ...]:
    there = present("event_type_missing", EVENT_TYPE, readmittable=True)
    known = one_of("event_type_unknown", EVENT_TYPE, allowed, readmittable=True)
    return (there, known) if allowed else (there,)
