"""The recommender's workspace, as settings and environment name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.settings import RecommenderSettings
from include.retraining.errors import SettingsError
from include.retraining.settings import load_settings

if TYPE_CHECKING:
    from include.retraining.workspace import Workspace


def open_recommender() -> Workspace[RecommenderSettings]:
    """Settings, warehouse with all tables, landing zone, registry."""
    from include.recommender.tables import RECOMMENDER_TABLES
    from include.retraining.tables import MACHINERY_TABLES
    from include.retraining.workspace import open_workspace

    return open_workspace(load_settings(RecommenderSettings), (*RECOMMENDER_TABLES, *MACHINERY_TABLES))


def recommender_to_read() -> Workspace[RecommenderSettings]:
    """The same to look at only: nothing is made or migrated. SettingsError where there is no warehouse."""
    from include.recommender.tables import RECOMMENDER_TABLES
    from include.retraining.registry import ModelRegistry
    from include.retraining.tables import MACHINERY_TABLES
    from include.retraining.warehouse.open import open_deliveries, open_for_reading
    from include.retraining.workspace import Workspace, tracking_uri

    settings = load_settings(RecommenderSettings)
    warehouse = open_for_reading(settings, (*RECOMMENDER_TABLES, *MACHINERY_TABLES))
    return Workspace(settings, warehouse, open_deliveries(settings), ModelRegistry(tracking_uri()))


def settings_for_parsing() -> RecommenderSettings:
    """What a DAG file needs to know; the defaults where the settings are broken.

    The task check_settings then says what is wrong, which it could not if the DAG vanished from the UI.
    """
    try:
        return load_settings(RecommenderSettings)
    except SettingsError:
        return RecommenderSettings.model_construct()
