"""The recommender's own settings, on top of the machinery's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from include.retraining.settings import RetrainingSettings, Section

Count = Annotated[int, Field(ge=1, le=100_000)]
Cap = Annotated[int, Field(ge=0, le=10_000)]
Snapshots = Annotated[int, Field(ge=2, le=26)]
Rounds = Annotated[int, Field(ge=5, le=5000)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Days = Annotated[float, Field(gt=0, le=3650)]
# More than any user has.
ALL_ITEMS = 1_000_000


class Features(Section):
    """How events are reduced to statistics."""

    history_days: Annotated[int, Field(ge=28, le=3650)] = 730
    half_life_short_days: Days = 7.0
    half_life_medium_days: Days = 30.0
    half_life_long_days: Days = 90.0

    @property
    def half_lives(self) -> dict[str, float]:
        """Half-life in days by name."""
        names = ("short", "medium", "long")
        return {name: getattr(self, f"half_life_{name}_days") for name in names}


class Similarities(Section):
    """How alike two items are: recency-weighted cosine over users, and over baskets.

    Of each user the `items_per_user` touched last count: the work grows with the square of that.
    """

    half_life_days: Days = 60.0
    neighbours: Count = 60
    min_users: Count = 2
    items_per_user: Annotated[int, Field(ge=2, le=ALL_ITEMS)] = 2000
    item_block: Count = 2000


class Ease(Section):
    """How alike two items are: EASE. Of several regularisations the run chooses one by past weeks."""

    regularisation: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=8)] = (10.0, 3.0, 30.0)
    neighbours: Count = 100
    min_users: Count = 2
    max_items: Annotated[int, Field(ge=10, le=50_000)] = 5000
    item_block: Count = 1000


class Candidates(Section):
    """How many items each source may propose for a user; 0 switches a source off.

    On the surface with repeats `for_you_share` of that, rounded up.
    """

    own_history: Cap = 100
    item_knn: Cap = 50
    item_knn_recent: Cap = 30
    last_basket: Cap = 30
    next_basket: Cap = 30
    ease_10d: Cap = 80
    ease_60d: Cap = 80
    popularity_1d: Cap = 15
    popularity_3d: Cap = 20
    popularity_7d: Cap = 30
    popularity_28d: Cap = 50
    rising: Cap = 25
    liked_categories: Cap = 30
    new_items: Cap = 20
    for_you_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    user_block: Count = 512


class Training(Section):
    """What the ranker learns from, and how. Of several numbers of snapshots and of rounds the run chooses one each."""

    snapshots: Annotated[tuple[Snapshots, ...], Field(min_length=1, max_length=4)] = (4, 2)
    snapshot_step_days: Annotated[int, Field(ge=1, le=28)] = 7
    label_days: Annotated[int, Field(ge=1, le=28)] = 7
    holdout_days: Annotated[int, Field(ge=1, le=28)] = 7
    negatives_per_user: Count = 80
    max_users: Annotated[int, Field(ge=100, le=10_000_000)] = 1000
    min_groups: Count = 50
    rounds: Annotated[tuple[Rounds, ...], Field(min_length=1, max_length=4)] = (100, 50)
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    max_depth: Annotated[int, Field(ge=1, le=12)] = 5
    min_child_weight: Annotated[float, Field(ge=0)] = 50.0
    subsample: Annotated[float, Field(gt=0, le=1)] = 0.8
    colsample: Annotated[float, Field(gt=0, le=1)] = 0.4
    max_bin: Annotated[int, Field(ge=8, le=1024)] = 128
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    seed: int = 20240501


class Evaluation(Section):
    """The past weeks on which contenders are compared, and how users are grouped there."""

    weeks: Annotated[int, Field(ge=1, le=12)] = 3
    max_users: Annotated[int, Field(ge=100, le=10_000_000)] = 2000
    new_user_days: Annotated[int, Field(ge=1, le=365)] = 28


class Tuning(Section):
    """What the run chooses by itself, by past weeks that end before any week it is evaluated on."""

    weeks: Annotated[int, Field(ge=1, le=8)] = 2
    max_users: Annotated[int, Field(ge=100, le=10_000_000)] = 2000


class Lists(Section):
    """Sizes of the lists that are not personal; of several windows and methods the run chooses one."""

    popular_size: Count = 50
    similar_size: Count = 20
    popularity_days: Annotated[tuple[Literal[1, 3, 7, 28], ...], Field(min_length=1)] = (28, 7, 3, 1)
    fallback: Annotated[tuple[Literal["recent_popularity", "own_history"], ...], Field(min_length=1)] = (
        "own_history",
        "recent_popularity",
    )
    similar_method: Annotated[
        tuple[Literal["cosine", "basket", "next_basket", "ease_10d", "ease_60d"], ...], Field(min_length=1)
    ] = (
        "cosine",
        "basket",
        "ease_60d",
    )


class Explanations(Section):
    """For how many lists the reasons are kept."""

    sampled_users: Annotated[int, Field(ge=0, le=1000)] = 20


class RecommenderSettings(RetrainingSettings):
    """Everything in config/recommender.toml."""

    features: Features = Field(default_factory=Features)
    similarities: Similarities = Field(default_factory=Similarities)
    ease: Ease = Field(default_factory=Ease)
    candidates: Candidates = Field(default_factory=Candidates)
    training: Training = Field(default_factory=Training)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    tuning: Tuning = Field(default_factory=Tuning)
    lists: Lists = Field(default_factory=Lists)
    explanations: Explanations = Field(default_factory=Explanations)

    @model_validator(mode="after")
    def _windows_fit(self) -> RecommenderSettings:
        span = self.training.holdout_days * self.evaluation.weeks + self.training.label_days
        span += (max(self.training.snapshots) - 1) * self.training.snapshot_step_days
        if span + 28 > self.features.history_days:
            raise ValueError(
                f"features.history_days of at least {span + 28}: the earliest snapshot lies {span} days back"
            )
        return self


# Whether a surface may show what the user has touched before.
ALLOWS_REPEATS = {"for_you": True, "discover": False}
SURFACES = tuple(ALLOWS_REPEATS)
