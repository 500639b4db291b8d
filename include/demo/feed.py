"""What the service shows to a user: pictures to the user's taste, and what is popular with everyone."""

import numpy as np

from include.demo.arrays import Ints
from include.demo.shelf import Shelf
from include.demo.world import World

_ATTEMPTS_AT_NEWS = 3


class Feed:
    """The feed of one day."""

    def __init__(self, world: World, day: int) -> None:
        """Stock the shelf with the pictures on show."""
        self._service, self._audience, self._memory = world.service, world.audience, world.memory
        pictures, styles = world.catalogue.pictures, world.service.hidden_styles
        cell_of = pictures.category * styles + pictures.style
        self._shelf = Shelf(cell_of, world.catalogue.pull(day), len(world.service.categories) * styles)

    def show(self, rng: np.random.Generator, user: Ints, session_category: Ints) -> Ints:
        """Draw one picture per view; one the user saw lately is replaced when something else turns up."""
        item = self._draw(rng, user, session_category)
        for _ in range(_ATTEMPTS_AT_NEWS):
            again = np.flatnonzero(self._memory.holds(user, item))
            item[again] = self._draw(rng, user[again], session_category[again])
        return item

    def _draw(self, rng: np.random.Generator, user: Ints, session_category: Ints) -> Ints:
        count = len(user)
        stays = rng.random(count) < self._service.session_focus
        category = np.where(stays, session_category, self._audience.category_taste.pick(rng, user))
        cell = category * self._service.hidden_styles + self._audience.style_taste.pick(rng, user)
        on_front_page = rng.random(count) < self._service.front_page_share
        return np.where(on_front_page, self._shelf.pick_any(rng, count), self._shelf.pick(rng, cell))
