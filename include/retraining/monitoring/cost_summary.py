"""What a week took, added up from `run_costs` by DAG, task and publication."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.retraining.tables import PUBLICATIONS, RUN_COSTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from include.retraining.warehouse.protocol import Warehouse

DAYS = 7
TOLD_TASKS = 10
HOUR, GIB, TIB = 3600, 2**30, 2**40


def summary_of_week(warehouse: Warehouse, as_of_date: date) -> list[str]:
    """The seven dates before as_of_date: a line in all, then by DAG, for the longest tasks, and by publication."""
    dates = [as_of_date - timedelta(days=back) for back in range(DAYS, 0, -1)]
    rows = warehouse.read(RUN_COSTS, {"as_of_date": dates}).to_pylist()
    made = warehouse.read(PUBLICATIONS, {"as_of_date": dates}, ["run_id", "publication_id"]).to_pylist()
    publication_of = {row["run_id"]: row["publication_id"] for row in made}
    published = [row for row in rows if row["run_id"] in publication_of]
    tasks = _grouped(rows, lambda row: f"{row['dag_id']}.{row['task_id']}")
    longest = sorted(tasks, key=lambda name: (-_total(tasks[name], "seconds"), name))[:TOLD_TASKS]
    return [
        _line(f"{dates[0]} to {dates[-1]}", rows),
        *(_line(f"DAG {name}", own) for name, own in sorted(_grouped(rows, lambda row: row["dag_id"]).items())),
        *(_line(f"task {name}", tasks[name]) for name in longest),
        *(
            _line(f"publication {name}", own)
            for name, own in sorted(_grouped(published, lambda row: publication_of[row["run_id"]]).items())
        ),
    ]


def _grouped(
    rows: Iterable[Mapping[str, Any]], name_of: Callable[[Mapping[str, Any]], str]
) -> dict[str, list[Mapping[str, Any]]]:
    groups = defaultdict(list)
    for row in rows:
        groups[name_of(row)].append(row)
    return groups


def _line(name: str, rows: list[Mapping[str, Any]]) -> str:
    tries = [row for row in rows if row["seconds"] is not None]
    peak = max((row["peak_memory_bytes"] or 0 for row in tries), default=0)
    parts = [
        f"{len(tries)} tries, {_total(rows, 'seconds') / HOUR:.2f} h, at most {peak / GIB:.2f} GiB",
        f"{int(_total(rows, 'rows_written')):,} rows ({_total(rows, 'bytes_written') / GIB:.2f} GiB) written",
    ]
    if any(row["billed_bytes"] is not None for row in rows):
        parts.append(f"{_total(rows, 'billed_bytes') / TIB:.3f} TiB billed")
    if any(row["money"] is not None for row in rows):
        parts.append(f"money {_total(rows, 'money'):.2f}")
    return f"{name}: {'; '.join(parts)}"


def _total(rows: Iterable[Mapping[str, Any]], column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))
