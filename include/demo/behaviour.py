"""What users do within a session: which pictures they open, how long they look, what they like."""

from dataclasses import dataclass

import numpy as np

from include.demo.arrays import Flags, Floats, Ints
from include.demo.clock import running_times
from include.demo.feed import Feed
from include.demo.sessions import Sessions
from include.demo.viewing_memory import NOTHING
from include.demo.world import World

_MEDIAN_SECONDS = 5.0
_MEAN_PAUSE_SECONDS = 6.0
_LIKES_WITHOUT_AFFINITY = 0.15


@dataclass(frozen=True)
class Views:
    """The views of a day, one entry each, in session order; `time` is in microseconds since midnight."""

    user: Ints
    item: Ints
    time: Ints
    seconds: Floats
    liked: Flags


def act_out(rng: np.random.Generator, world: World, sessions: Sessions, day: int) -> Views:
    """Play the sessions of a day."""
    session = sessions.of_view
    user = sessions.user[session]
    session_category = world.audience.category_taste.pick(rng, sessions.user)[session]
    item = Feed(world, day).show(rng, user, session_category)
    recalled, reopened = _revisits(rng, world, user, day)
    item = np.where(reopened, recalled, item)
    affinity = _affinity(world, user, item)
    seconds = np.round(_MEDIAN_SECONDS * (0.5 + affinity) * rng.lognormal(0, 0.6, len(user)), 1)
    pauses = rng.exponential(_MEAN_PAUSE_SECONDS, len(user))
    liked = rng.random(len(user)) < like_probability(affinity, ~reopened, world.service.likes_per_view)
    return Views(user, item, running_times(sessions.start, session, seconds + pauses), seconds, liked)


def like_probability(affinity: Floats, judged: Flags, likes_per_view: float) -> Floats:
    """Return the chance of a like for each view: rising with affinity (0 to 1), `likes_per_view` on average.

    Only views where `judged` holds can bring one: a picture that is re-opened was judged the first time.
    """
    weight = (_LIKES_WITHOUT_AFFINITY + affinity) * judged
    total = weight.sum()
    return np.minimum(likes_per_view * weight * len(weight) / total, 1.0) if total > 0 else weight


def _revisits(rng: np.random.Generator, world: World, user: Ints, day: int) -> tuple[Ints, Flags]:
    """Draw for each view a remembered picture, and whether it is opened instead of a new one."""
    recalled = world.memory.recall(rng, user)
    possible = (recalled != NOTHING) & world.catalogue.on_show(day)[recalled]
    return recalled, possible & (rng.random(len(user)) < world.service.revisit_share)


def _affinity(world: World, user: Ints, item: Ints) -> Floats:
    pictures = world.catalogue.pictures
    category_liking = world.audience.category_taste.liking(user, pictures.category[item])
    style_liking = world.audience.style_taste.liking(user, pictures.style[item])
    return np.sqrt(category_liking * style_liking)
