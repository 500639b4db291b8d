"""The recommender's own settings, on top of the machinery's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from include.retraining.settings import RetrainingSettings, Section

Count = Annotated[int, Field(ge=1, le=100_000)]
Days = Annotated[float, Field(gt=0, le=3650)]


class Features(Section):
    """How events are reduced to statistics."""

    history_days: Annotated[int, Field(ge=28, le=3650)] = 730
    half_life_days: Days = 90.0
    max_items_per_user: Count = 300


class Similarities(Section):
    """How alike two items are: recency-weighted cosine over users."""

    half_life_days: Days = 60.0
    neighbours: Count = 60
    min_users: Count = 2
    item_block: Count = 2000


class Candidates(Section):
    """How many items each source may propose for a user."""

    own_history: Count = 100
    similar_items: Count = 100
    popularity: Count = 100
    user_block: Count = 4096


class Training(Section):
    """What the ranker learns from, and how."""

    snapshots: Annotated[int, Field(ge=2, le=26)] = 4
    snapshot_step_days: Annotated[int, Field(ge=1, le=28)] = 7
    label_days: Annotated[int, Field(ge=1, le=28)] = 7
    holdout_days: Annotated[int, Field(ge=1, le=28)] = 7
    negatives_per_user: Count = 40
    min_groups: Count = 50
    max_rounds: Annotated[int, Field(ge=5, le=5000)] = 150
    early_stopping_rounds: Annotated[int, Field(ge=2, le=500)] = 15
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    max_depth: Annotated[int, Field(ge=1, le=12)] = 5
    min_child_weight: Annotated[float, Field(ge=0)] = 20.0
    subsample: Annotated[float, Field(gt=0, le=1)] = 0.8
    colsample: Annotated[float, Field(gt=0, le=1)] = 0.7
    max_bin: Annotated[int, Field(ge=8, le=1024)] = 128
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    seed: int = 20240501


class Lists(Section):
    """Sizes of the lists that are not personal."""

    popular_size: Count = 50
    similar_size: Count = 20


class RecommenderSettings(RetrainingSettings):
    """Everything in config/recommender.toml."""

    features: Features = Field(default_factory=Features)
    similarities: Similarities = Field(default_factory=Similarities)
    candidates: Candidates = Field(default_factory=Candidates)
    training: Training = Field(default_factory=Training)
    lists: Lists = Field(default_factory=Lists)

    @model_validator(mode="after")
    def _windows_fit(self) -> RecommenderSettings:
        span = self.training.holdout_days + self.training.label_days
        span += (self.training.snapshots - 1) * self.training.snapshot_step_days
        if span + 28 > self.features.history_days:
            raise ValueError(
                f"features.history_days of at least {span + 28}: the earliest snapshot lies {span} days back"
            )
        if self.publication.list_size > self.candidates.popularity:
            raise ValueError("candidates.popularity of at least publication.list_size: it fills lists up")
        return self


SURFACES = ("for_you",)
