"""The pictures on show today, grouped so that a view can be drawn in constant time."""

import numpy as np

from include.demo.arrays import Floats, Ints


class Shelf:
    """Draws pictures by today's pull, from everything or within a cell (one category and hidden style)."""

    def __init__(self, cell_of: Ints, pull: Floats, cells: int) -> None:
        """Group pictures by cell; a picture without pull is never drawn."""
        self._order = np.argsort(cell_of, kind="stable")
        self._cumulative = pull[self._order].cumsum()
        edges = np.searchsorted(cell_of[self._order], np.arange(cells + 1))
        self._edge = np.concatenate([[0.0], self._cumulative])[edges]

    def pick(self, rng: np.random.Generator, cells: Ints) -> Ints:
        """Draw one picture within each given cell; an empty cell falls back on everything."""
        lower, width = self._edge[cells], self._edge[cells + 1] - self._edge[cells]
        empty = width <= 0
        lower[empty], width[empty] = 0.0, self._edge[-1]
        return self._at(lower + rng.random(len(cells)) * width)

    def pick_any(self, rng: np.random.Generator, count: int) -> Ints:
        """Draw pictures from everything on show, as a front page does."""
        return self._at(rng.random(count) * self._edge[-1])

    def _at(self, points: Floats) -> Ints:
        positions = np.searchsorted(self._cumulative, points, side="right")
        return self._order[np.minimum(positions, len(self._order) - 1)]
