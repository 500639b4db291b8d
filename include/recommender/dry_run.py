"""`make bigquery-dry-run`: BigQuery reads every statement and runs none; what each would read, or what is wrong."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from include.recommender.expectations import event_rules, exposure_rules, item_rules
from include.recommender.exposures import COLUMNS as EXPOSURE_COLUMNS
from include.recommender.ingest import EVENT_COLUMNS, ITEM_COLUMNS
from include.recommender.settings import SURFACES, RecommenderSettings
from include.recommender.sql import FOLDER, sql
from include.recommender.tables import RECOMMENDER_TABLES
from include.retraining.errors import HigawariError
from include.retraining.quality.erased import HASHED_REGEX
from include.retraining.quality.row_rules import classify
from include.retraining.settings import load_settings
from include.retraining.tables import MACHINERY_TABLES
from include.retraining.warehouse.bigquery.columns import PARAMETER_TYPES, condition_of, parameter, parameters_of
from include.retraining.warehouse.bigquery.jobs import Jobs
from include.retraining.warehouse.bigquery.warehouse import with_inputs
from include.retraining.warehouse.sql import parameter_names, table_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.cloud.bigquery import QueryJob, SchemaField

    from include.retraining.warehouse.table import Table

DAY = date(2026, 1, 31)
# A value for every parameter of every file; only its type matters.
EXAMPLES: dict[str, Any] = {
    "all_positive": False, "all_users": True, "as_of_date": DAY, "computed_for": DAY, "day": DAY,
    "decay_long": 0.01, "decay_medium": 0.02, "decay_short": 0.1, "deduplicate": "event_id", "end_date": DAY,
    "event_dates": [DAY], "first_date": DAY - timedelta(days=7), "first_day": DAY - timedelta(days=7),
    "first_user": "a", "hashed_regex": HASHED_REGEX,
    "history_days": 730, "items_snapshot_date": DAY, "last_date": DAY, "last_day": DAY,
    "last_user": "b", "list_size": 20, "method": "cosine", "positive_event_types": ["like"],
    "publication_id": f"{DAY}-0", "publication_ids": [f"{DAY}-0"], "samples": 5, "surface": SURFACES[0],
    "surfaces_without_repeats": [SURFACES[-1]], "taste_days": 14, "timezone": "UTC", "user_ids": ["a"],
}  # fmt: skip
OF_TYPE: dict[str, Any] = {"date": DAY, "string": "x", "int64": 0}
# What a file reads that is neither a table nor landed: rows that Python gives it.
INPUTS = {
    "credit_windows": "CURRENT_TIMESTAMP() AS started_at, CURRENT_TIMESTAMP() AS ended_at",
    "hits": "'' AS surface, '' AS list_user_id, 1 AS rank",
    "readers": "'' AS user_id",
}
# From landed text to rows of a table, each step on what the one before returns: name, input, and who makes the input.
INGEST = (
    ("type_events", "landed_events", EVENT_COLUMNS),
    ("rules of events", "typed_events", "type_events"),
    ("repeated_ids", "classified_events", "rules of events"),
    ("deduplicate_events", "classified_events", "repeated_ids"),
    ("type_items", "landed_items", ITEM_COLUMNS),
    ("rules of items", "typed_events", "type_items"),
    ("deduplicate_items", "classified_items", "rules of items"),
    ("type_exposures", "landed_exposures", EXPOSURE_COLUMNS),
    ("rules of exposures", "typed_events", "type_exposures"),
)


def dry_runs(jobs: Jobs, settings: RecommenderSettings) -> Iterator[tuple[str, str, list[Any]]]:
    """(name, statement, parameters) of everything that a daily run sends, but scripts: their statements come singly."""
    rules = {
        "rules of events": classify(event_rules(settings)),
        "rules of items": classify(item_rules(settings)),
        "rules of exposures": classify(exposure_rules()),
    }
    made: dict[str, QueryJob] = {}
    for name, input_name, maker in INGEST:
        query, values = rules.get(name) or (sql(name), EXAMPLES)
        columns = _landed(maker) if isinstance(maker, tuple) else _nothing(made[maker].schema or ())
        statement = with_inputs(query, {input_name: f"SELECT {columns}"})
        bound = [parameter(key, values[key]) for key in sorted(parameter_names(query))]
        made[name] = jobs.dry_run(name, statement, bound)
        yield name, statement, bound
    done = {name for name, _, _ in INGEST}
    for name in sorted(path.stem for path in FOLDER.glob("*.sql") if path.stem not in done):
        given = {table: f"SELECT {INPUTS[table]}" for table in sorted(table_names(sql(name)) & set(INPUTS))}
        bound = [parameter(key, EXAMPLES[key]) for key in sorted(parameter_names(sql(name)))]
        yield name, with_inputs(sql(name), given), bound
    for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES):
        yield from _writes(jobs, table)


def _writes(jobs: Jobs, table: Table) -> Iterator[tuple[str, str, list[Any]]]:
    target, listed = jobs.table_id(table.name), ", ".join(f"`{name}`" for name in table.columns)
    where = {name: OF_TYPE[table.columns[name]] for name in table.partition or table.key}
    delete = f"DELETE FROM `{target}` WHERE {condition_of(where)}"
    yield f"delete from {table.name}", delete, parameters_of(table, where)
    yield f"insert into {table.name}", f"INSERT INTO `{target}` ({listed}) SELECT {listed} FROM `{target}`", []


def _landed(names: Iterable[str]) -> str:
    return ", ".join([*(f"'' AS {name}" for name in names), "DATE '2026-01-31' AS day", "'' AS file"])


def _nothing(schema: Iterable[SchemaField]) -> str:
    types = ((field.name, PARAMETER_TYPES.get(field.field_type, field.field_type)) for field in schema)
    return ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in types)


def main() -> int:
    """A line for each statement; fails where BigQuery refuses one."""
    try:
        settings = load_settings(RecommenderSettings)
        jobs, refused = Jobs(settings.bigquery, settings.business.timezone), 0
        for name, statement, parameters in dry_runs(jobs, settings):
            try:
                size = int(jobs.dry_run(name, statement, parameters).total_bytes_processed or 0)
                print(f"{name}: {size:,} bytes")
            except HigawariError as error:
                refused += 1
                print(f"{name}: REFUSED\n{error}")
    except HigawariError as error:
        print(error)
        return 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
