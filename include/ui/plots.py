"""The pictures of the pages: lines over days with intervals, whiskers, bars. No colour says anything alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.ui.drawing import BLUE, GREY, INK, LOOKS, ORANGE, Picture, axes_for, drawn, legend

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS_IN_A_LINE = 12
WEEK, ONE_DAY, SHIFT = 7, timedelta(days=1), 0.2
ROWS_TOLD = 92
LETTERS_OF_A_NAME = 21


@dataclass(frozen=True)
class Point:
    """A day's value, with its interval where there is one."""

    day: date
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A named row of points, oldest first."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Whisker:
    """A named value, with its interval where there is one."""

    name: str
    mean: float
    low: float | None = None
    high: float | None = None


@drawn
def lines_plot(
    lines: tuple[Line, ...],
    unit: str,
    limit: float | None = None,
    limit_name: str = "",
    days: tuple[date, ...] = (),
    from_zero: bool = False,
) -> tuple[Figure, Picture]:
    """A line for each of at most five; a band where there are intervals; a limit as a level line; `days` marked below.

    A day without a point is a gap.
    """
    figure, axes = axes_for(150, above=26 if len(lines) + (limit is not None) < 3 else 44)
    shifts = _shifts(lines)
    for line, look, shift in zip(lines, LOOKS, shifts, strict=False):
        _draw_line(axes, line, *look, shift)
    if limit is not None:
        axes.axhline(limit, color=INK, linewidth=1, linestyle=(0, (2, 2)), label=limit_name or None)
    if from_zero:
        axes.set_ylim(bottom=0)
    if days:
        low = axes.get_ylim()[0]
        at = _places(days)
        axes.plot(at, [low] * len(days), "^", color=INK, markersize=7, clip_on=False, label="change of champion")
    axes.set_ylabel(unit)
    _date_axis(axes)
    axes.margins(x=0.02)
    _at_least_a_week(axes, [*(point.day for line in lines for point in line.points), *days])
    legend(axes, 2 if len(lines) > 2 else 3)
    return figure, Picture("", _lines_in_words(lines, unit, limit, limit_name), *_table_of(lines))


@drawn
def whiskers_plot(
    values: tuple[Whisker, ...], unit: str, zero: bool = False, left: float = 150
) -> tuple[Figure, Picture]:
    """A mark for each, with its interval; with `zero`, of differences: what is surely above or below is marked."""
    figure, axes = axes_for(20 * max(len(values), 1) + 8, left=left, above=26 if zero else 8)
    kinds = {"better": ("o", BLUE, BLUE), "worse": ("v", ORANGE, ORANGE), "not sure": ("o", GREY, "white")}
    told = {value: _kind(value) if zero else "better" for value in values}
    for kind, (marker, colour, inside) in kinds.items():
        for place, value in enumerate(values):
            if told[value] == kind:
                _draw_whisker(axes, place, value, marker, colour, inside)
        if zero:
            axes.plot([], [], marker, color=colour, markerfacecolor=inside, label=kind)
    if zero:
        axes.axvline(0, color=INK, linewidth=1)
        legend(axes)
    _names_on_the_left(axes, [value.name for value in values])
    axes.set_xlabel(unit)
    return figure, Picture("", _whiskers_in_words(values, told, unit, zero), *_table_of_whiskers(values))


@drawn
def bars_plot(values: tuple[Whisker, ...], unit: str, high_name: str = "", left: float = 150) -> tuple[Figure, Picture]:
    """A bar for each, largest first; with `high_name`, a mark at `high` too."""
    figure, axes = axes_for(20 * max(len(values), 1) + 8, left=left, above=26 if high_name else 8)
    axes.barh(range(len(values)), [value.mean for value in values], color=BLUE, height=0.62, label="median")
    if high_name:
        highest = [value.mean if value.high is None else value.high for value in values]
        axes.plot(highest, range(len(values)), "D", color=ORANGE, markersize=6, label=high_name)
        legend(axes)
    _names_on_the_left(axes, [value.name for value in values])
    axes.set_xlim(left=0)
    axes.set_xlabel(unit)
    largest = ", ".join(f"{value.name} {number(value.mean)}" for value in values[:3])
    columns = ("name", unit, *((high_name,) if high_name else ()))
    rows = tuple((value.name, number(value.mean), *((number(value.high),) if high_name else ())) for value in values)
    return figure, Picture("", f"{unit}, largest first: {largest}.", columns, rows)


@drawn
def pairs_plot(
    values: tuple[tuple[str, float, float], ...], unit: str, names: tuple[str, str], left: float = 150
) -> tuple[Figure, Picture]:
    """Two bars for each name, one filled and one hatched."""
    figure, axes = axes_for(30 * max(len(values), 1) + 8, left=left)
    places = range(len(values))
    axes.barh([at - 0.2 for at in places], [first for _, first, _ in values], 0.36, color=BLUE, label=names[0])
    axes.barh(
        [at + 0.2 for at in places], [second for *_, second in values], 0.36, facecolor="white", edgecolor=ORANGE,
        hatch="////", label=names[1],
    )  # fmt: skip
    legend(axes, 2)
    _names_on_the_left(axes, [name for name, *_ in values])
    axes.set_xlim(left=0)
    axes.set_xlabel(unit)
    most = max(values, key=lambda value: abs(value[1] - value[2]), default=("nothing", 0.0, 0.0))
    alt = f"{unit}: {names[0]} beside {names[1]}. They differ most in {most[0]}: {number(most[1])}, {number(most[2])}."
    rows = tuple((name, number(first), number(second)) for name, first, second in values)
    return figure, Picture("", alt, ("name", *names), rows)


def number(value: float | None) -> str:
    """Three digits that count, and no more zeros than needed."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def interval_in_words(mean: float, low: float | None, high: float | None, sign: bool = False) -> str:
    """A mean with the interval that holds the true one 95 times of 100."""
    form = "{:+.4f}" if sign else "{:.4f}"
    around = "" if low is None or high is None else f" [{form.format(low)}, {form.format(high)}]"
    return form.format(mean) + around


def _shifts(lines: Sequence[Line]) -> list[float]:
    """By how many days lines of a single point lie beside one another, so that each interval can be seen."""
    middle = (len(lines) - 1) / 2
    return [(at - middle) * SHIFT if len(line.points) == 1 else 0.0 for at, line in enumerate(lines)]


def _draw_line(axes: Axes, line: Line, colour: str, dashes: Any, marker: str, shift: float) -> None:
    points = _with_gaps(line.points)
    days, nothing = _places([day for day, _ in points]) + shift, float("nan")
    means = [point.mean if point else nothing for _, point in points]
    every = max(len(points) // MARKS_IN_A_LINE, 1)
    axes.plot(
        days, means, color=colour, linestyle=dashes, marker=marker, markevery=every, markersize=4, label=line.name
    )
    if any(point and point.low is not None for _, point in points):
        low = [nothing if point is None or point.low is None else point.low for _, point in points]
        high = [nothing if point is None or point.high is None else point.high for _, point in points]
        axes.fill_between(days, low, high, color=colour, alpha=0.18, linewidth=0)
    _draw_lone_points(axes, line.points, colour, marker, shift)


def _draw_lone_points(axes: Axes, points: Sequence[Point], colour: str, marker: str, shift: float) -> None:
    """A mark and an error bar where the days beside have no point: no line and no band lead there."""
    days = {point.day for point in points}
    lone = [point for point in points if not {point.day - ONE_DAY, point.day + ONE_DAY} & days]
    if not lone:
        return
    axes.plot(_places([point.day for point in lone]) + shift, [point.mean for point in lone], marker, color=colour,
              markersize=4)  # fmt: skip
    sure = [(point.day, point.low, point.high) for point in lone if point.low is not None and point.high is not None]
    if sure:
        days_at, lows, highs = zip(*sure, strict=True)
        axes.vlines(_places(days_at) + shift, lows, highs, colors=colour, linewidth=1.6)


def _at_least_a_week(axes: Axes, days: Sequence[date]) -> None:
    """An axis of days where there are few: the library would make one of years."""
    if not days:
        return
    first, last = min(days), max(days)
    missing = WEEK - 1 - (last - first).days
    if missing > 0:
        low, high = _places([first, last])
        axes.set_xlim(low - missing / 2, high + missing / 2)


def _places(days: Sequence[date]) -> Any:
    """Where days lie on the axis, shape (days,)."""
    import matplotlib.dates as axis

    dates: Any = axis
    return dates.date2num(days)


def _with_gaps(points: Sequence[Point]) -> list[tuple[date, Point | None]]:
    """A day without a point between those that have one."""
    found: list[tuple[date, Point | None]] = []
    for point in points:
        if found and (point.day - found[-1][0]).days > 1:
            found.append((found[-1][0] + timedelta(days=1), None))
        found.append((point.day, point))
    return found


def _date_axis(axes: Axes) -> None:
    import matplotlib.dates as axis

    dates: Any = axis
    locator = dates.AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(_short)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.8)


def _short(value: float, _: float = 0) -> str:
    """A level on an axis, in few letters."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size:
            return f"{value / size:g} {letter}"
    return f"{value:.4g}"


def _draw_whisker(axes: Axes, place: int, value: Whisker, marker: str, colour: str, inside: str) -> None:
    if value.low is not None and value.high is not None:
        axes.plot([value.low, value.high], [place, place], "-", color=colour, linewidth=1.6)
    axes.plot([value.mean], [place], marker, color=colour, markerfacecolor=inside, markersize=6)


def _names_on_the_left(axes: Axes, names: list[str]) -> None:
    short = [name if len(name) <= LETTERS_OF_A_NAME else f"{name[: LETTERS_OF_A_NAME - 1]}…" for name in names]
    axes.set_yticks(range(len(names)), short)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.8)
    axes.locator_params(axis="x", nbins=5)


def _kind(value: Whisker) -> str:
    if value.low is not None and value.low > 0:
        return "better"
    return "worse" if value.high is not None and value.high < 0 else "not sure"


def _lines_in_words(lines: Sequence[Line], unit: str, limit: float | None, limit_name: str) -> str:
    last = "; ".join(f"{line.name} {number(line.points[-1].mean)} on {line.points[-1].day}" for line in lines)
    first = min((line.points[0].day for line in lines), default=None)
    above = f" The level line at {number(limit)} is {limit_name}." if limit is not None and limit_name else ""
    return f"{unit} since {first}. Last: {last}.{above}"


def _table_of(lines: Sequence[Line]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The newest days, newest first."""
    by_day = [{point.day: point for point in line.points} for line in lines]
    days = sorted({day for points in by_day for day in points}, reverse=True)[:ROWS_TOLD]
    rows = tuple((str(day), *(_told(points.get(day)) for points in by_day)) for day in days)
    return ("day", *(line.name for line in lines)), rows


def _told(point: Point | None) -> str:
    if point is None:
        return "none"
    around = "" if point.low is None else f" [{number(point.low)}, {number(point.high)}]"
    return number(point.mean) + around


def _whiskers_in_words(values: Sequence[Whisker], told: dict[Whisker, str], unit: str, zero: bool) -> str:
    if zero:
        kinds = [told[value] for value in values]
        return (
            f"{unit}: " + ", ".join(f"{kind} in {kinds.count(kind)}" for kind in ("better", "worse", "not sure")) + "."
        )
    return f"{unit}: " + ", ".join(f"{value.name} {number(value.mean)}" for value in values[:5]) + "."


def _table_of_whiskers(values: Sequence[Whisker]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = tuple((value.name, number(value.mean), number(value.low), number(value.high)) for value in values)
    return ("name", "mean", "low", "high"), rows
