"""How the pictures of a model card are drawn: one look, marks with whiskers, swarms of marks, SVG text."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from include.retraining.promotion.paired_bootstrap import Interval

P = ParamSpec("P")

# Okabe and Ito's palette: told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
# Names of categories are data: a $ in them is no formula. Letters stay letters, so that they can be read out and found.
STYLE: Any = {
    "font.size": 9, "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "model card", "svg.fonttype": "none", "text.parse_math": False, "text.usetex": False,
}  # fmt: skip
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
WIDTH = 6.6


@dataclass(frozen=True)
class Plot:
    """An SVG file's text and what it shows, in words."""

    svg: str
    alt: str


def styled(draw: Callable[P, tuple[Figure, str]]) -> Callable[P, Plot]:
    """A drawing function whose every text is made in the one look, and saved."""

    @functools.wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> Plot:
        import matplotlib as mpl

        text = io.StringIO()
        with mpl.rc_context(STYLE):
            figure, alt = draw(*arguments, **named)
            figure.savefig(text, format="svg", dpi=150, metadata=NO_METADATA)
        return Plot(text.getvalue(), alt)

    return drawn


def axes_for(lines: float) -> tuple[Figure, Axes]:
    """A figure as high as so many lines need."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 1.3 + 0.27 * lines), layout="constrained")
    return figure, figure.subplots()


def legend(figure: Figure, columns: int = 3) -> None:
    """What the marks mean, above the picture."""
    figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=9, markerscale=1.3)


def in_percent(axes: Axes) -> None:
    """Shares along the lower edge."""
    from matplotlib.ticker import PercentFormatter

    axes.xaxis.set_major_formatter(PercentFormatter(1))


def bars_of(intervals: Sequence[Interval]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means, shape (n,), and the distances down and up to the ends, shape (2, n)."""
    means, low, high = (np.array([getattr(of, name) for of in intervals], float) for name in ("mean", "low", "high"))
    return means, np.maximum([means - low, high - means], 0)


def whiskers(
    axes: Axes, at: list[int], intervals: Sequence[Interval], marker: str, colour: str, inside: str, label: str
) -> None:
    """A mark per interval, and a line from end to end of it."""
    means, errors = bars_of(intervals)
    axes.errorbar(
        means, at, xerr=errors, fmt=marker, color=colour, markerfacecolor=inside, capsize=3, markersize=6, label=label
    )


def swarm(axes: Axes, place: int, added: NDArray[np.float64], values: NDArray[np.float32]) -> None:
    """Marks of one feature, spread up and down where many lie together."""
    offsets = spread(added)
    known = ~np.isnan(values)
    middle = np.median(values[known]) if known.any() else 0.0
    for mask, marker, colour, label in (
        (known & (values <= middle), "v", BLUE, "low value"),
        (known & (values > middle), "^", ORANGE, "high value"),
        (~known, "x", GREY, "missing"),
    ):
        axes.scatter(
            added[mask], place + offsets[mask], s=9, marker=marker, color=colour, alpha=0.6, linewidths=0.6,
            rasterized=True, label=label if place == 0 else None,
        )  # fmt: skip


def spread(added: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets within (-0.4, 0.4): the fuller its bin, the farther from the middle, by turns up and down."""
    bins = np.digitize(added, np.linspace(added.min(), added.max(), 40))
    offsets = np.zeros(len(added))
    for number in np.unique(bins):
        inside = np.flatnonzero(bins == number)
        turn = np.arange(len(inside))
        offsets[inside] = np.where(turn % 2, 1, -1) * ((turn + 1) // 2) * min(0.06, 0.8 / len(inside))
    return offsets
