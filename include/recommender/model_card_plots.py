"""The pictures of a model card: SVG text, with a sentence for those who cannot see it. No colour says anything alone."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from include.recommender.contributions import Contributions
    from include.retraining.promotion.paired_bootstrap import Interval

# Okabe and Ito's palette: told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
STYLE = {
    "font.size": 9, "font.family": "DejaVu Sans", "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10, "axes.titlelocation": "left", "svg.hashsalt": "model card",
}  # fmt: skip
WIDTH = 5.4
BARS, DOTS_OF, DOTS = 15, 12, 400


@dataclass(frozen=True)
class Plot:
    """An SVG file's text and what it shows, in words."""

    svg: str
    alt: str


def segments_plot(differences: Mapping[str, Interval], metric: str, versus: str) -> Plot:
    """Dot and whisker of the difference in each group of people."""
    figure, axes = _axes(len(differences))
    kinds = {"better": ("o", BLUE, True), "worse": ("v", ORANGE, True), "not sure": ("o", GREY, False)}
    found = {name: _kind(interval) for name, interval in differences.items()}
    for kind, (marker, colour, filled) in kinds.items():
        at = [place for place, name in enumerate(differences) if found[name] == kind]
        chosen = [list(differences.values())[place] for place in at]
        _whiskers(axes, at, chosen, marker, colour, colour if filled else "white", kind)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(differences)), [f"{name} ({of.users:,})" for name, of in differences.items()])
    axes.set_xlabel(f"{metric}, new ranker minus {versus}")
    axes.invert_yaxis()
    _legend(figure)
    counts = ", ".join(f"{kind} in {list(found.values()).count(kind)}" for kind in kinds)
    return _plot(figure, f"The new ranker against {versus} in {len(found)} groups of people: {counts}.")


def weeks_plot(weeks: Mapping[str, Mapping[str, Interval]], metric: str) -> Plot:
    """A line per contender: its metric in each week. `weeks` are by contender, then by week."""
    figure, axes = _axes(6)
    names = sorted({week for found in weeks.values() for week in found})
    looks = [("o", "-", BLUE), ("s", "--", ORANGE), ("^", ":", GREEN), ("D", "-.", GREY)]
    for shift, ((contender, found), (marker, line, colour)) in enumerate(zip(weeks.items(), looks, strict=False)):
        x = np.array([names.index(week) for week in found]) + (shift - 1) * 0.06
        means, errors = _bars_of(list(found.values()))
        axes.errorbar(
            x, means, errors, marker=marker, linestyle=line, color=colour, capsize=3, markersize=5, label=contender
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.4, max(len(names) - 0.6, 0.4))
    axes.set_ylabel(metric)
    axes.set_xlabel("week that begins on")
    _legend(figure, 2)
    last = "; ".join(f"{contender} {list(found.values())[-1].mean:.3f}" for contender, found in weeks.items() if found)
    return _plot(figure, f"{metric} in each of {len(names)} weeks. In the latest: {last}.")


def contributions_plot(contributions: Contributions) -> Plot:
    """Bars of the mean size of each feature's contribution."""
    sizes = dict(list(contributions.mean_absolute().items())[:BARS])
    figure, axes = _axes(len(sizes))
    axes.barh(list(sizes), list(sizes.values()), color=BLUE)
    axes.invert_yaxis()
    axes.set_xlabel("mean size of the contribution to the score (SHAP)")
    largest = ", ".join(f"{name} {size:.2f}" for name, size in list(sizes.items())[:3])
    return _plot(figure, f"The {len(sizes)} features that move scores most. The first three: {largest}.")


def sample_plot(contributions: Contributions) -> Plot:
    """One mark per sampled row and feature: where it moved the score, and whether its value was low or high."""
    names = list(contributions.mean_absolute())[:DOTS_OF]
    figure, axes = _axes(len(names) * 1.3)
    rows = np.unique(np.linspace(0, max(len(contributions.added) - 1, 0), DOTS).astype(int))
    for place, name in enumerate(names if len(contributions.added) else []):
        column = contributions.feature_names.index(name)
        _swarm(axes, place, contributions.added[rows, column], contributions.features[rows, column])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("contribution to the score (SHAP): right lifts an item")
    _legend(figure)
    alt = f"How {len(names)} features moved the scores of {len(rows)} sampled items; most at the top: {names[0]}."
    return _plot(figure, alt + " " + _directions(contributions, names[:3]))


def sources_plot(recalls: Mapping[str, tuple[float, float]]) -> Plot:
    """Bars of what each source found of what was wanted, and what it alone found. `recalls`: (all, alone)."""
    figure, axes = _axes(len(recalls))
    shared = [both - alone for both, alone in recalls.values()]
    alone = [alone for _, alone in recalls.values()]
    axes.barh(list(recalls), alone, color=ORANGE, hatch="///", edgecolor="white", label="this source alone")
    axes.barh(list(recalls), shared, left=alone, color=BLUE, label="other sources too")
    axes.invert_yaxis()
    axes.set_xlabel("share of what people then wanted that the source proposed")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _legend(figure)
    best = ", ".join(f"{name} {both:.0%}" for name, (both, _) in list(recalls.items())[:3])
    return _plot(figure, f"Share of wanted items that each of {len(recalls)} sources proposed. Most: {best}.")


def _axes(lines: float) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.3 + 0.27 * lines), layout="constrained")
        return figure, figure.subplots()


def _plot(figure: Figure, alt: str) -> Plot:
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(text, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
    return Plot(text.getvalue(), alt)


def _legend(figure: Figure, columns: int = 3) -> None:
    figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=9)


def _kind(interval: Interval) -> str:
    if interval.low > 0:
        return "better"
    return "worse" if interval.high < 0 else "not sure"


def _bars_of(intervals: list[Interval]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means, shape (n,), and the distances down and up to the ends, shape (2, n)."""
    means, low, high = (np.array([getattr(of, name) for of in intervals], float) for name in ("mean", "low", "high"))
    return means, np.maximum([means - low, high - means], 0)


def _whiskers(
    axes: Axes, at: list[int], intervals: list[Interval], marker: str, colour: str, inside: str, label: str
) -> None:
    means, errors = _bars_of(intervals)
    axes.errorbar(
        means, at, xerr=errors, fmt=marker, color=colour, markerfacecolor=inside, capsize=3, markersize=6, label=label
    )


def _swarm(axes: Axes, place: int, added: NDArray[np.float64], values: NDArray[np.float32]) -> None:
    """Marks of one feature, spread up and down where many lie together."""
    spread = _spread(added)
    known = ~np.isnan(values)
    middle = np.median(values[known]) if known.any() else 0.0
    for mask, marker, colour, label in (
        (known & (values <= middle), "v", BLUE, "▼ low value"),
        (known & (values > middle), "^", ORANGE, "▲ high value"),
        (~known, "x", GREY, "× missing"),
    ):
        axes.scatter(
            added[mask], place + spread[mask], s=9, marker=marker, color=colour, alpha=0.6, linewidths=0.6,
            rasterized=True, label=label.split(" ", 1)[1] if place == 0 else None,
        )  # fmt: skip


def _spread(added: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets within (-0.4, 0.4): the fuller its bin, the farther from the middle, by turns up and down."""
    bins = np.digitize(added, np.linspace(added.min(), added.max(), 40))
    offsets = np.zeros(len(added))
    for number in np.unique(bins):
        inside = np.flatnonzero(bins == number)
        turn = np.arange(len(inside))
        offsets[inside] = np.where(turn % 2, 1, -1) * ((turn + 1) // 2) * min(0.06, 0.8 / len(inside))
    return offsets


def _directions(contributions: Contributions, names: list[str]) -> str:
    """Whether high values lift or lower, by the sign of the rank correlation."""
    found = []
    for name in names:
        column = contributions.feature_names.index(name)
        values, added = contributions.features[:, column], contributions.added[:, column]
        known = ~np.isnan(values)
        order = np.argsort(np.argsort(values[known])), np.argsort(np.argsort(added[known]))
        slope = np.corrcoef(*order)[0, 1] if known.sum() > 1 else 0.0
        found.append(f"high {name} {'lifts' if slope > 0 else 'lowers'}")
    return "; ".join(found) + "." if found else ""
