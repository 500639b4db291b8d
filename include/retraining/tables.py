"""The tables of the machinery: quality, decisions, publications."""

from include.retraining.monitoring.tables import MONITORING_TABLES
from include.retraining.warehouse.table import Table

QUARANTINED_ROWS = Table(
    "quarantined_rows",
    "Landed rows that broke a row rule, kept with the reason. Values that look personal are keyed hashes.",
    {
        "arrival_date": "date", "source": "string", "row_id": "string", "event_date": "date", "reason": "string",
        "landed_row": "string", "file": "string",
    },
    key=("arrival_date", "source", "row_id"),
    partition=("arrival_date", "source"),
)  # fmt: skip

READMISSIONS = Table(
    "readmissions",
    "Quarantined rows that a person or a named rule let in; every rebuild honours them.",
    {
        "row_id": "string", "arrival_date": "date", "event_date": "date", "reason": "string", "who": "string",
        "readmitted_at": "timestamp", "why": "string",
    },
    key=("row_id",),
)  # fmt: skip

DATA_QUALITY_RESULTS = Table(
    "data_quality_results",
    "The result of every check of a run's date and stage.",
    {
        "as_of_date": "date", "stage": "string", "check_name": "string", "severity": "string", "outcome": "string",
        "expected": "string", "observed": "string", "rows_checked": "int64", "rows_failed": "int64",
        "sample_keys": "strings",
    },
    key=("as_of_date", "stage", "check_name"),
    partition=("as_of_date", "stage"),
)  # fmt: skip

EVALUATION_RESULTS = Table(
    "evaluation_results",
    "Metrics of each contender on past weeks, and paired differences (versus is empty for plain metrics).",
    {
        "as_of_date": "date", "surface": "string", "contender": "string", "versus": "string", "segment": "string",
        "metric": "string", "model_version": "string", "mean": "float64", "low": "float64", "high": "float64",
        "users": "int64", "wanted": "string",
    },
    key=("as_of_date", "surface", "contender", "versus", "segment", "metric"),
    partition=("as_of_date", "surface"),
    unhashed=("model_version",),
    schema_version=2,
)  # fmt: skip

PROMOTION_DECISIONS = Table(
    "promotion_decisions",
    "Audit: what was decided about a challenger, what people answered who were asked, and that it took office.",
    {
        "as_of_date": "date", "surface": "string", "kind": "string", "decision_id": "string", "choice": "string",
        "model_version": "string", "champion_version": "string", "baseline": "string", "reasons": "strings",
        "evidence": "string", "publication_id": "string", "who": "string", "run_id": "string",
        "recorded_at": "timestamp", "answered_at": "timestamp",
    },
    key=("as_of_date", "surface", "kind", "decision_id"),
    unhashed=("model_version", "champion_version", "who", "run_id", "recorded_at", "answered_at"),
    schema_version=2,
)  # fmt: skip

PUBLICATIONS = Table(
    "publications",
    "Audit: one row per complete, immutable publication and check result, with all one needs to trace it.",
    {
        "publication_id": "string", "as_of_date": "date", "model_versions": "string", "table_versions": "string",
        "training_set": "string", "settings_hash": "string", "code_version": "string", "run_id": "string",
        "row_counts": "string", "content_hash": "string", "check_result": "string", "created_at": "timestamp",
        "valid_until": "timestamp", "experiment": "string",
    },
    key=("publication_id", "check_result"),
    unhashed=("model_versions", "table_versions", "code_version", "run_id", "created_at"),
    schema_version=2,
)  # fmt: skip

PUBLICATION_SWITCHES = Table(
    "publication_switches",
    "Audit: the pointer. The last row names the current publication.",
    {
        "number": "int64", "from_publication_id": "string", "to_publication_id": "string", "kind": "string",
        "who": "string", "why": "string", "run_id": "string", "switched_at": "timestamp",
    },
    key=("number",),
    unhashed=("who", "why", "run_id", "switched_at"),
)  # fmt: skip

BLOCKED_ITEMS = Table(
    "blocked_items",
    "Audit: items that must vanish from live lists (`block`) or may return (`unblock`); an item's last row counts.",
    {
        "item_id": "string", "number": "int64", "kind": "string", "who": "string", "why": "string",
        "recorded_at": "timestamp", "run_id": "string",
    },
    key=("item_id", "number"),
)  # fmt: skip

TASK_FAILURES = Table(
    "task_failures",
    "Audit: what a failed task said, one row per failed try. A task that was killed says nothing and has none.",
    {
        "dag_id": "string", "run_id": "string", "task_id": "string", "map_index": "int64", "try_number": "int64",
        "error": "string", "message": "string", "next_step": "string", "runbook_section": "string",
        "failed_at": "timestamp",
    },
    key=("dag_id", "run_id", "task_id", "map_index", "try_number"),
    unhashed=("message", "failed_at"),
)  # fmt: skip

ALERTS = Table(
    "alerts",
    "Audit: every alert that was sent, and by which channels.",
    {
        "dag_id": "string", "run_id": "string", "kind": "string", "number": "int64", "as_of_date": "date",
        "why": "string", "severity": "string", "fingerprint": "string", "subject": "string", "text": "string",
        "delivered": "strings", "broken": "strings", "sent_at": "timestamp",
    },
    key=("dag_id", "run_id", "kind", "number"),
    unhashed=("text", "delivered", "broken", "sent_at"),
)  # fmt: skip

RUN_COSTS = Table(
    "run_costs",
    "Audit: what a task took, one row per try, and what the warehouse billed for it, one row per job.",
    {
        "as_of_date": "date", "dag_id": "string", "run_id": "string", "task_id": "string", "map_index": "int64",
        "try_number": "int64", "job_id": "string", "statement": "string", "estimated_bytes": "int64",
        "billed_bytes": "int64", "slot_ms": "int64", "recorded_at": "timestamp", "seconds": "float64",
        "peak_memory_bytes": "int64", "rows_written": "int64", "bytes_written": "int64", "money": "float64",
    },
    key=("as_of_date", "job_id"),
    unhashed=("job_id", "recorded_at", "seconds", "peak_memory_bytes", "bytes_written", "money"),
    schema_version=2,
)  # fmt: skip

ERASURES = Table(
    "erasures",
    "Audit: people who asked to be forgotten, as keyed hashes: what was `requested`, and that it was `erased`.",
    {
        "user_hash": "string", "run_id": "string", "kind": "string", "rows": "string", "who": "string",
        "why": "string", "key_check": "string", "recorded_at": "timestamp",
    },
    key=("user_hash", "run_id", "kind"),
    unhashed=("run_id", "who", "why", "recorded_at"),
)  # fmt: skip

ERASED_ROWS = Table(
    "erased_rows",
    "Audit: rows that erasures took out of publications: one row per person, publication and table.",
    {
        "user_hash": "string", "publication_id": "string", "table_name": "string", "rows": "int64", "run_id": "string",
        "recorded_at": "timestamp",
    },
    key=("user_hash", "publication_id", "table_name"),
    unhashed=("run_id", "recorded_at"),
)  # fmt: skip

MACHINERY_TABLES = (
    QUARANTINED_ROWS, READMISSIONS, DATA_QUALITY_RESULTS, EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS,
    PUBLICATION_SWITCHES, BLOCKED_ITEMS, TASK_FAILURES, ALERTS, RUN_COSTS, ERASURES, ERASED_ROWS,
    *MONITORING_TABLES,
)  # fmt: skip
