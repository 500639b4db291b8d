"""What users did with what was published: by experiment arm over time, beside the offline estimate; arms in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.retraining.monitoring.arm_comparison import who_comes
from include.retraining.monitoring.tables import ARM_COMPARISONS, OUTCOME_METRICS
from include.retraining.warehouse.protocol import Warehouse
from include.ui.plots import Line, Point, Whisker, interval_in_words, lines_plot, whiskers_plot
from include.ui.reading import Reading
from include.ui.rendering import rendered
from include.ui.windows import SPANS, USUAL, newest_date, table_of_days, window_of

router = APIRouter()
READINGS = {"while_current": "while readers saw it", "held_7_days": "held for 7 days"}
STAGES = {"matured": "matured figures", "early": "early figures"}
EVERYBODY = "all"
# Of publications without arms, and of all arms together.
NO_ARM = "all users"
COLUMNS = ("computed_for", "as_of_date", "surface", "arm", "users", "mean", "low", "high", "offline_mean")
GROUPED = ("as_of_date", "surface", "arm", "dimension", "group_name", "users", "mean", "low", "high")
MOST_GROUPS = 12
VERDICTS = {
    "better": ("better", "does better than"),
    "worse": ("worse", "does worse than"),
    "no_difference": ("no_difference", "cannot be told apart from"),
    "too_little_data": ("too_little_data", "has too little data beside"),
    "ratio_mismatch": ("ratio_mismatch", "cannot be compared with"),
}


@dataclass(frozen=True)
class Asked:
    """Which of the figures."""

    reading: str
    stage: str
    metric: str

    def with_other(self, name: str, days: int) -> Callable[[str], str]:
        """The query of an address that asks for another value of one field, and for the same otherwise."""
        return lambda value: urlencode({**vars(self), "days": days, name: value})


@router.get("/outcomes")
def outcomes(
    request: Request, workspace: Reading, days: str = USUAL, reading: str = "", stage: str = "", metric: str = ""
) -> HTMLResponse:
    """What is not asked for, or not there, is the first that there is."""
    warehouse = workspace.warehouse
    window = window_of(days, workspace.settings, newest_date(warehouse, OUTCOME_METRICS))
    there = _what_there_is(warehouse, window.last)
    wanted = {"reading": reading, "stage": stage, "metric": metric or workspace.settings.promotion.metric}
    asked = Asked(*(_first(wanted[name], there[name]) for name in ("reading", "stage", "metric")))
    rows = _rows(warehouse, window.dates, asked)
    surfaces = sorted({row["surface"] for row in rows})
    return rendered(
        request, "outcomes.html.j2", window=window, spans=SPANS, asked=asked, there=there, readings=READINGS,
        stages=STAGES, comparisons=arms_in_words(warehouse, window.last, asked.metric),
        parts=[
            (surface, _lines(rows, surface, asked.metric), _groups(warehouse, rows, surface, asked))
            for surface in surfaces
        ],
        differences=_differences(warehouse, window.dates, asked.metric),
    )  # fmt: skip


def arms_in_words(warehouse: Warehouse, until: date | None = None, metric: str = "") -> list[dict[str, Any]]:
    """The latest comparison of each surface, arm and reading: its row, with a mark and a sentence."""
    newest = newest_date(warehouse, ARM_COMPARISONS)
    if newest is None:
        return []
    rows = warehouse.read(ARM_COMPARISONS, {"computed_for": min(newest, until or newest)}).to_pylist()
    chosen = [row for row in rows if row["metric"] == metric] or rows
    return [
        row | {"mark": VERDICTS.get(row["verdict"], (row["verdict"], ""))[0], "told": sentence(row)} for row in chosen
    ]


def sentence(row: Mapping[str, Any]) -> str:
    """An arm comparison as a person would say it."""
    _, verb = VERDICTS.get(row["verdict"], ("", f"{row['verdict']} beside"))
    whom = f"On {row['surface']} the arm {row['arm']} {verb} {row['reference_arm']}"
    over = f"{row['days']} days, {row['users']:,} and {row['reference_users']:,} users"
    if row["verdict"] == "ratio_mismatch":
        return f"{whom}: users are not split as the experiment says (p = {row['sample_ratio_p']:.2g}; {over})."
    if row["difference"] is None:
        return f"{whom} ({over})."
    difference = interval_in_words(row["difference"], row["low"], row["high"], sign=True)
    return f"{whom}: {row['metric']} {difference} ({over}){who_comes(row)}."


def _what_there_is(warehouse: Warehouse, last: date) -> dict[str, list[str]]:
    """The readings, stages and metrics of the newest computation."""
    names = {"reading": list(READINGS), "stage": list(STAGES), "metric": []}
    rows = warehouse.read(OUTCOME_METRICS, {"computed_for": last, "dimension": EVERYBODY}, list(names)).to_pylist()
    return {
        name: sorted(
            {row[name] for row in rows}, key=lambda value: (known.index(value) if value in known else 9, value)
        )
        for name, known in names.items()
    }


def _first(wanted: str, there: Sequence[str]) -> str:
    return wanted if wanted in there else next(iter(there), "")


def _rows(warehouse: Warehouse, dates: Sequence[date], asked: Asked) -> list[dict[str, Any]]:
    """Of each date and arm the last computation; all users together only on dates of which no arm is known."""
    where = {**vars(asked), "dimension": EVERYBODY, "model_version": ""}
    rows = table_of_days(warehouse, OUTCOME_METRICS, "computed_for", dates, COLUMNS, where).to_pylist()
    found: dict[tuple[date, str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["computed_for"], row["users"])):
        found[row["as_of_date"], row["surface"], row["arm"]] = row
    with_arms = {(day, surface) for day, surface, arm in found if arm}
    return [found[key] for key in sorted(found) if key[2] or key[:2] not in with_arms]


def _lines(rows: Iterable[Mapping[str, Any]], surface: str, metric: str) -> Any:
    """A line per arm, and what offline evaluation had promised of the arm that has such a promise."""
    arms: dict[str, list[Point]] = {}
    promised: list[Point] = []
    for row in rows:
        if row["surface"] == surface and row["mean"] is not None:
            arms.setdefault(row["arm"], []).append(Point(row["as_of_date"], row["mean"], row["low"], row["high"]))
            if row["offline_mean"] is not None and row["arm"] != "baseline":
                promised.append(Point(row["as_of_date"], row["offline_mean"]))
    lines = [Line(arm or NO_ARM, tuple(points)) for arm, points in sorted(arms.items(), reverse=True)]
    lines += [Line("offline estimate", tuple(promised))] if promised else []
    return lines_plot(tuple(lines), metric) if lines else None


def _groups(warehouse: Warehouse, rows: Sequence[Mapping[str, Any]], surface: str, asked: Asked) -> list[Any]:
    """The newest computation's groups of people and list sources, of the arm that most users are in."""
    of_surface = [row for row in rows if row["surface"] == surface]
    newest = max(of_surface, key=lambda row: (row["computed_for"], row["as_of_date"], row["users"]))
    where = {"computed_for": newest["computed_for"], "surface": surface, **vars(asked)}
    found = warehouse.read(OUTCOME_METRICS, where, GROUPED).to_pylist()
    pictures = []
    for dimension, title in (("segment", "By group of people"), ("list_source", "By list source")):
        groups = [
            row
            for row in found
            if (row["dimension"], row["arm"], row["as_of_date"]) == (dimension, newest["arm"], newest["as_of_date"])
            and row["mean"] is not None
        ]
        largest = sorted(groups, key=lambda row: (-row["users"], row["group_name"]))[:MOST_GROUPS]
        whiskers = tuple(Whisker(row["group_name"], row["mean"], row["low"], row["high"]) for row in largest)
        arm = f"arm {newest['arm']}" if newest["arm"] else NO_ARM
        note = f"{newest['as_of_date']}, {arm}"
        pictures += [(title, note, whiskers_plot(whiskers, asked.metric))] if whiskers else []
    return pictures


def _differences(warehouse: Warehouse, dates: Sequence[date], metric: str) -> list[tuple[str, Any]]:
    """Each arm minus its reference, over time."""
    columns = ("computed_for", "surface", "arm", "reference_arm", "reading", "difference", "low", "high")
    rows = table_of_days(warehouse, ARM_COMPARISONS, "computed_for", dates, columns, {"metric": metric}).to_pylist()
    found: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        if row["difference"] is not None:
            title = f"{row['surface']}: {row['arm']} minus {row['reference_arm']}"
            point = Point(row["computed_for"], row["difference"], row["low"], row["high"])
            found.setdefault(title, {}).setdefault(READINGS.get(row["reading"], row["reading"]), []).append(point)
    return [
        (
            title,
            lines_plot(
                tuple(Line(name, tuple(points)) for name, points in lines.items()), metric, 0.0, "no difference"
            ),
        )
        for title, lines in found.items()
    ]
