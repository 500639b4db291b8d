"""What can fill a list: baselines, the champion, the challenger, each with the settings of its own candidates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from include.recommender.baselines import BASELINES
from include.recommender.candidates import only_from
from include.recommender.features import FEATURE_NAMES
from include.recommender.metrics import DEPTH
from include.recommender.ranker import Ranker
from include.recommender.settings import ALL_ITEMS, Ease, Features, Similarities
from include.recommender.settings import Candidates as CandidateSettings
from include.recommender.snapshot import methods_in_use
from include.recommender.sources import SOURCE_NAMES
from include.retraining.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from include.recommender.candidates import Candidates
    from include.recommender.settings import RecommenderSettings
    from include.retraining.registry import ModelRegistry, RegisteredModel

BASELINE_PREFIX = "baseline/"
# Many own items weigh the same, as those of one day: popularity, which decides among them, must see more than a list.
OWN_ITEMS = 200
Name = TypeVar("Name")


@dataclass(frozen=True)
class Contender:
    """Scores candidates (shape (pairs,)), which are proposed with `settings`; `label` is its model_version.

    `ranker` is None where a rule scores.
    """

    label: str
    scorer: Callable[[Candidates], NDArray[np.float64]]
    settings: RecommenderSettings
    ranker: Ranker | None = None


def model_name(surface: str) -> str:
    """Name of a surface's ranker in the registry."""
    return f"recommender_{surface}"


def baseline(name: str, settings: RecommenderSettings) -> Contender:
    """A rule of BASELINES, which finds all of its own list: caps of candidate sources are about rankers."""
    rule, days = BASELINES[name], settings.lists.popularity_days[0]
    places = max(settings.publication.list_size, DEPTH)
    own = only_from(settings, {"own_history": max(places, OWN_ITEMS), f"popularity_{days}d": places})
    return Contender(BASELINE_PREFIX + name, lambda c: rule(c, days), own)


def contender_of(label: str, registry: ModelRegistry, settings: RecommenderSettings) -> Contender:
    """The contender that a model_version names: `baseline/<rule>` or `<registered model>/<version>`."""
    if label.startswith(BASELINE_PREFIX):
        return baseline(label.removeprefix(BASELINE_PREFIX), settings)
    name, version = label.rsplit("/", 1)
    return ranker_contender(registry, registry.get(name, version), settings)


def ranker_contender(registry: ModelRegistry, model: RegisteredModel, settings: RecommenderSettings) -> Contender:
    """A registered ranker, with the candidate settings it was trained with."""
    ranker = Ranker(registry.load(model), feature_names_of(model))
    return contender_from(model.label, ranker, settings_of(model, settings))


def contender_from(label: str, ranker: Ranker, settings: RecommenderSettings) -> Contender:
    """A ranker in memory."""
    names = tuple(ranker.feature_names)
    return Contender(label, lambda c: ranker.score(c.features_named(names)), settings, ranker)


def learnt_until(model: RegisteredModel) -> date:
    """The day on which the labels ended that a registered ranker learnt from."""
    return date.fromisoformat(model.tags["learnt_until"])


def feature_names_of(model: RegisteredModel) -> tuple[str, ...]:
    """The features a ranker needs; SettingsError where this code no longer makes one of them."""
    names = tuple(json.loads(model.tags["feature_names"]))
    if gone := sorted(set(names) - set(FEATURE_NAMES)):
        raise SettingsError(
            f"features among: {', '.join(FEATURE_NAMES)}",
            f"the champion {model.label} needs {', '.join(gone)}",
            "bring them back, marked retired=True: they are still computed, but the next ranker learns without them; "
            "a champion of version 0.1.0: docs/operate.md#from-010",
        )
    return names


def candidate_settings(settings: RecommenderSettings) -> str:
    """The settings that decide a model's candidates and features, as JSON: part of the model version.

    Left out is where a champion must follow today's: block sizes, which are about memory, and how far back history
    goes, or it would show as new what its users touched long ago.
    """
    own = {"candidates": settings.candidates.model_dump(exclude={"user_block"})}
    return json.dumps(_state_settings(settings) | own, sort_keys=True)


def _state_settings(settings: RecommenderSettings) -> dict[str, dict[str, Any]]:
    """Those of them that decide what is known of items and users, whoever proposes what."""
    return {
        "features": settings.features.model_dump(exclude={"history_days"}),
        "similarities": settings.similarities.model_dump(exclude={"item_block"}),
        "ease": settings.ease.model_dump(exclude={"item_block"}),
    }


def by_candidate_settings(contenders: Mapping[Name, Contender]) -> list[dict[Name, Contender]]:
    """Contenders in groups that rank the same candidates."""
    return _grouped(contenders, candidate_settings)


def by_state(contenders: Mapping[Name, Contender]) -> list[dict[Name, Contender]]:
    """Contenders in groups that see the same snapshot, with methods_of them; their candidates may differ."""
    return _grouped(contenders, lambda settings: json.dumps(_state_settings(settings), sort_keys=True))


def methods_of(contenders: Mapping[Name, Contender]) -> set[str]:
    """The methods of similarity that sources of any of them read."""
    return {method for contender in contenders.values() for method in methods_in_use(contender.settings)}


def _grouped(
    contenders: Mapping[Name, Contender], key: Callable[[RecommenderSettings], str]
) -> list[dict[Name, Contender]]:
    groups: dict[str, dict[Name, Contender]] = {}
    for name, contender in contenders.items():
        groups.setdefault(key(contender.settings), {})[name] = contender
    return list(groups.values())


def settings_of(model: RegisteredModel, settings: RecommenderSettings) -> RecommenderSettings:
    """Today's settings with the model's own candidate settings; a source that came later proposes nothing for it."""
    own = json.loads(model.tags["candidate_settings"])
    sources = dict.fromkeys(SOURCE_NAMES, 0) | {"for_you_share": 1.0} | own["candidates"]
    similarities = {"items_per_user": ALL_ITEMS} | own["similarities"]
    return settings.model_copy(
        update={
            "features": Features(**own["features"], history_days=settings.features.history_days),
            "similarities": Similarities(**similarities, item_block=settings.similarities.item_block),
            "ease": Ease(**own["ease"], item_block=settings.ease.item_block),
            "candidates": CandidateSettings(**sources, user_block=settings.candidates.user_block),
        }
    )
