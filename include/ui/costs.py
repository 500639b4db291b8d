"""What days cost: time of all tasks and of the slowest ones, memory, rows, what the warehouse billed, money."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.tables import RUN_COSTS
from include.ui.plots import Line, Point, Whisker, bars_plot, lines_plot
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import SPANS, USUAL, window_of

if TYPE_CHECKING:
    from datetime import date

router = APIRouter()
COLUMNS = (
    "as_of_date", "task_id", "seconds", "peak_memory_bytes", "rows_written", "bytes_written", "money", "billed_bytes",
)  # fmt: skip
SLOWEST_OVER_TIME, SLOWEST = 4, 12
MINUTE, MIB, GIB = 60, 2**20, 2**30


@router.get("/costs")
def costs(request: Request, reading: Reading, days: str = USUAL) -> HTMLResponse:
    """Every try counts: what was tried again was paid twice. The table has no partitions: it is read once, whole."""
    kept = reading.warehouse.read(RUN_COSTS, None, COLUMNS)
    window = window_of(days, reading.settings, pc.max(kept["as_of_date"]).as_py())
    wanted = pa.array(window.dates, pa.date32())
    rows = kept.filter(pc.is_in(kept["as_of_date"], wanted)).to_pylist()
    tasks = [row for row in rows if row["seconds"] is not None]
    return rendered(
        request, "costs.html.j2", window=window, spans=SPANS, empty=not rows,
        dates=len({row["as_of_date"] for row in rows}),
        over_time=_over_time(tasks, rows), tasks=_by_task(tasks),
    )  # fmt: skip


def _over_time(tasks: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    """(title, note, picture) of what there is."""
    slowest = sorted(_values(tasks, "seconds").items(), key=lambda item: -sum(item[1]))[:SLOWEST_OVER_TIME]
    found = [
        ("Time of all tasks", "every try of a date", [("all tasks", _per_day(tasks, "seconds", MINUTE))], "minutes"),
        (
            "The slowest tasks", "",
            [(name, _per_day([r for r in tasks if r["task_id"] == name], "seconds", MINUTE)) for name, _ in slowest],
            "minutes",
        ),
        ("Money", "where a price is set", [("all tasks and jobs", _per_day(rows, "money", 1))], "money"),
        ("Billed by the warehouse", "", [("all jobs", _per_day(rows, "billed_bytes", GIB))], "GiB"),
        ("Rows written", "", [("all tasks", _per_day(tasks, "rows_written", 1))], "rows"),
    ]  # fmt: skip
    names = short_names(row["task_id"] for row in tasks)
    return [
        (title, note, lines_plot(_named(lines, names), unit, from_zero=True))
        for title, note, lines, unit in found
        if any(points for _, points in lines)
    ]


def _named(lines: Iterable[tuple[str, tuple[Point, ...]]], names: Mapping[str, str]) -> tuple[Line, ...]:
    return tuple(Line(names.get(name, name), points) for name, points in lines if points)


def short_names(task_ids: Iterable[str]) -> dict[str, str]:
    """Task ids without their group, where that leaves no two of them the same."""
    ids = set(task_ids)
    last = Counter(task_id.rpartition(".")[2] for task_id in ids)
    return {
        task_id: short if last[short := task_id.rpartition(".")[2]] == 1 else task_id.replace(".", " ")
        for task_id in ids
    }


def _by_task(tasks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    found = [
        ("Slowest tasks", "median and longest try", _highest(_values(tasks, "seconds"), 1), "seconds"),
        ("Peak memory", "median and largest try", _highest(_values(tasks, "peak_memory_bytes"), MIB), "MiB"),
    ]
    return [(title, note, bars_plot(values, unit, "largest")) for title, note, values, unit in found if values]


def _per_day(rows: Iterable[Mapping[str, Any]], column: str, unit: float) -> tuple[Point, ...]:
    sums: dict[date, float] = {}
    for row in rows:
        if row[column] is not None:
            sums[row["as_of_date"]] = sums.get(row["as_of_date"], 0.0) + row[column] / unit
    return tuple(Point(day, value) for day, value in sorted(sums.items()))


def _values(rows: Iterable[Mapping[str, Any]], column: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row[column] is not None:
            found.setdefault(row["task_id"], []).append(row[column])
    return found


def _highest(values: Mapping[str, Sequence[float]], unit: float) -> tuple[Whisker, ...]:
    names = short_names(values)
    told = [Whisker(names[name], median(of) / unit, None, max(of) / unit) for name, of in values.items()]
    return tuple(sorted(told, key=lambda of: (-of.mean, of.name))[:SLOWEST])
