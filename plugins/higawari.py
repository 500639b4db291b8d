"""What operators see of us inside the Airflow UI: pages, an entry in the navigation, links on every task."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from include.recommender.workspace import recommender_to_read
from include.ui.addresses import NAVIGATION, PREFIX
from include.ui.task_links import TASK_LINKS

TITLE = "Recommender"
# The name is short, as Airflow's navigation cuts it; the address is relative, as it holds behind a proxy then.
VIEW = {"name": "Higawari", "url_route": NAVIGATION, "href": f"{PREFIX[1:]}/", "destination": "nav"}


class HigawariPlugin(AirflowPlugin):
    """Registration only; the logic is in include/ui."""

    name = "higawari"
    external_views = [VIEW]  # noqa: RUF012 (Airflow's own form)
    global_operator_extra_links = TASK_LINKS

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Made only where it is asked for: every task loads plugins, and none needs a web framework."""
        from include.ui.app import make_app

        app = make_app(TITLE, "recommender_daily", recommender_to_read)
        return [{"name": "higawari", "app": app, "url_prefix": PREFIX}]
