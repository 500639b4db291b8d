"""From a Matplotlib figure to SVG inside a page: colours of the style sheet, letters as text, no style of its own."""

from __future__ import annotations

import functools
import hashlib
import io
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

# Names for the style sheet, which says what they look like by day and by night; without it they are Okabe and Ito's.
BLUE, ORANGE, GREEN, PURPLE, GREY, INK, PAPER = (
    "#0072b2", "#d55e00", "#009e73", "#aa4499", "#767676", "#000000", "#ffffff",
)  # fmt: skip
# Told apart without colour too: by line and mark.
LOOKS: tuple[tuple[str, Any, str], ...] = (
    (BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, ":", "^"), (PURPLE, "-.", "D"), (GREY, (0, (5, 1, 1, 1)), "v"),
)  # fmt: skip
# Names in tables are data: a $ in them is no formula.
STYLE: Any = {
    "font.size": 11.5, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none",
    "text.parse_math": False, "text.usetex": False, "figure.facecolor": "none", "axes.facecolor": "none",
    "path.simplify_threshold": 0.5,
}  # fmt: skip
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
# A phone's width in points, so that letters there are as large as they are drawn.
WIDTH = 340
POINTS_PER_INCH = 72
KEPT = 256
# Matplotlib's settings are one for the whole process, and requests are answered by several threads.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A drawing, what it shows in words, and its figures as a table."""

    svg: str
    alt: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def drawn(draw: Callable[P, tuple[Figure, Picture]]) -> Callable[P, Picture]:
    """A drawing function whose picture has an SVG; the same arguments are drawn once in a process."""

    @functools.wraps(draw)
    def once(*arguments: P.args, **named: P.kwargs) -> Picture:
        import matplotlib as mpl

        salt = hashlib.sha256(repr((draw.__name__, arguments, named)).encode()).hexdigest()[:12]
        text = io.StringIO()
        with _one_at_a_time, mpl.rc_context(STYLE | {"svg.hashsalt": salt}):
            figure, picture = draw(*arguments, **named)
            figure.savefig(text, format="svg", metadata=NO_METADATA)
        return Picture(inline(text.getvalue()), picture.alt, picture.columns, picture.rows)

    kept: Any = functools.lru_cache(maxsize=KEPT)(once)
    return cast("Callable[P, Picture]", kept)


def inline(svg: str) -> str:
    """An SVG file's text as a part of a page whose policy allows no style attribute and no style element.

    Every property that Matplotlib writes there is an attribute of its own as well, which a style sheet overrides.
    """
    svg = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg)
    svg = svg.replace("xlink:href", "href")
    # Groups are numbered from 1 in every picture; marks and clips have names of their own.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), svg)
    return re.sub(r' style="([^"<>]*)"', lambda style: _attributes(style[1]), svg)


def _attributes(style: str) -> str:
    pairs = [part.split(":", 1) for part in style.split(";") if ":" in part]
    named = [(name.strip(), value.strip()) for name, value in pairs]
    return "".join(f' {name}="{value}"' for name, value in named if name != "font-family")


def axes_for(height: float, left: float = 66, above: float = 26) -> tuple[Figure, Axes]:
    """A figure of a phone's width and of so many points inside; room for a legend above, for names on the left."""
    from matplotlib.figure import Figure

    right, below = 12, 40
    whole = height + above + below
    figure = Figure(figsize=(WIDTH / POINTS_PER_INCH, whole / POINTS_PER_INCH))
    inside = (left / WIDTH, below / whole, (WIDTH - left - right) / WIDTH, height / whole)
    return figure, figure.add_axes(inside)


def legend(axes: Axes, columns: int = 3) -> None:
    """What the lines mean, above the picture."""
    axes.legend(
        loc="upper left", bbox_to_anchor=(0.0, 1.0), bbox_transform=axes.figure.transFigure, ncols=columns,
        frameon=False, fontsize=11.5, borderaxespad=0.1, handlelength=2.4, columnspacing=0.9, handletextpad=0.5,
    )  # fmt: skip
