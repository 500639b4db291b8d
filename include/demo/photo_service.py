"""The settings of the simulated service."""

from dataclasses import dataclass
from datetime import date, timedelta

from include.demo.errors import DemoError

ANIMALS = (
    "cat",
    "dog",
    "bird",
    "rabbit",
    "hedgehog",
    "horse",
    "fish",
    "reptile",
    "hamster",
    "fox",
    "duck",
    "alpaca",
)


@dataclass(frozen=True, kw_only=True)
class PhotoService:
    """What the simulated service looks like.

    Shares are fractions in [0, 1]. To simulate more days, raise `days` and keep `start`: earlier days stay equal.

    Raises:
        DemoError: a setting is out of range.
    """

    start: date = date(2026, 10, 7)  # first event date
    days: int = 45
    seed: int = 7
    users: int = 2_600  # on the first day
    items: int = 1_000  # on the first day
    births_per_day: int = 10  # new pictures
    events_per_day: int = 4_500  # mean over a week, before duplicates
    categories: tuple[str, ...] = ANIMALS
    hidden_styles: int = 4  # what makes two pictures of a category differ; never written out
    views_per_session: float = 6.0
    likes_per_view: float = 0.2
    taste_strength: float = 4.0  # 0: everyone likes the same; 4: a user's favourite category draws most views
    weekly_drift: float = 0.05  # share of the taste renewed each week
    front_page_share: float = 0.1  # views of what is popular with everyone
    session_focus: float = 0.5  # views that stay in the session's category
    revisit_share: float = 0.13  # views that re-open a picture seen before
    daily_arrivals: float = 0.004  # new users per starting user
    daily_churn: float = 0.004
    daily_deletions: float = 0.0005
    late_share: float = 0.01
    duplicate_share: float = 0.005

    def __post_init__(self) -> None:
        """Refuse settings that cannot be simulated."""
        for name in _COUNTS:
            _require(name, getattr(self, name), "1 or more", holds=getattr(self, name) >= 1)
        for name in _NOT_NEGATIVE:
            _require(name, getattr(self, name), "0 or more", holds=getattr(self, name) >= 0)
        for name in _SHARES:
            _require(name, getattr(self, name), "a share from 0 to 1", holds=0 <= getattr(self, name) <= 1)
        distinct = len(set(self.categories)) == len(self.categories) > 0
        _require("categories", self.categories, "one or more distinct names", holds=distinct)

    @property
    def until(self) -> date:
        """The last event date, inclusive."""
        return self.event_date(self.days - 1)

    def event_date(self, day: int) -> date:
        """Return the date of a day counted from the start."""
        return self.start + timedelta(days=day)

    def arrival_date(self, day: int) -> date:
        """Return the date on which the events of a day normally arrive."""
        return self.event_date(day + 1)


_COUNTS = ("days", "users", "items", "events_per_day", "hidden_styles", "views_per_session")
_NOT_NEGATIVE = ("seed", "births_per_day", "taste_strength")
_SHARES = (
    "likes_per_view",
    "weekly_drift",
    "front_page_share",
    "session_focus",
    "revisit_share",
    "daily_arrivals",
    "daily_churn",
    "daily_deletions",
    "late_share",
    "duplicate_share",
)


def _require(name: str, found: object, expected: str, *, holds: bool) -> None:
    if not holds:
        raise DemoError(f"{name}: {expected}", repr(found), f"change `{name}` of the PhotoService")
