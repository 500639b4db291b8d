"""Checks that go beyond the settings file: folders, column mappings, and the champion's features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.contenders import feature_names_of
from include.recommender.ingest import EVENT_COLUMNS, ITEM_COLUMNS
from include.recommender.office import registered
from include.recommender.settings import SURFACES
from include.recommender.user_ids import refuse_mixed_ids
from include.retraining.errors import SettingsError
from include.retraining.promotion.decisions import champion_version
from include.retraining.quality.erased import erased_hashes
from include.retraining.quality.privacy import hash_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace


def check_workspace(workspace: Workspace[RecommenderSettings], as_of_date: date) -> None:
    """Raise SettingsError for a missing landing zone, an unknown column, no hash key, or a champion gone stale."""
    settings = workspace.settings
    workspace.landing.check()
    _check_mapping("ingest.event_columns", settings.ingest.event_columns, EVENT_COLUMNS)
    _check_mapping("ingest.item_columns", settings.ingest.item_columns, ITEM_COLUMNS)
    _check_event_types(settings)
    hash_key()
    erased_hashes(workspace.warehouse)
    refuse_mixed_ids(workspace.warehouse, settings.privacy.hash_user_ids)
    for surface in SURFACES:
        champion = champion_version(workspace.warehouse, surface, as_of_date)
        if champion:
            feature_names_of(registered(workspace, champion))


def _check_mapping(key: str, mapping: Mapping[str, str], allowed: tuple[str, ...]) -> None:
    if unknown := sorted(set(mapping) - set(allowed)):
        raise SettingsError(
            f"{key} with our names on the left: {', '.join(allowed)}", f"{', '.join(unknown)}", f"mend {key}"
        )


def _check_event_types(settings: RecommenderSettings) -> None:
    allowed, positive = settings.ingest.allowed_event_types, settings.business.positive_event_types
    if allowed and (outside := sorted(set(positive) - set(allowed))):
        raise SettingsError(
            f"business.positive_event_types among ingest.allowed_event_types: {', '.join(allowed)}",
            ", ".join(outside),
            "mend one of the two",
        )
