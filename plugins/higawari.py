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
NAME, PAGES = "Higawari", PREFIX[1:]
VIEWS = [
    {"name": NAME, "url_route": NAVIGATION, "href": f"{PAGES}/", "destination": "nav"},
    {"name": NAME, "url_route": "pages-of-dag", "href": f"{PAGES}/dags/{{DAG_ID}}", "destination": "dag"},
    {
        "name": NAME, "url_route": "pages-of-run", "href": f"{PAGES}/dags/{{DAG_ID}}/runs/{{RUN_ID}}",
        "destination": "dag_run",
    },
]  # fmt: skip


class HigawariPlugin(AirflowPlugin):
    """Registration only; the logic is in include/ui."""

    name = "higawari"
    external_views = VIEWS
    global_operator_extra_links = TASK_LINKS

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Made only where it is asked for: every task loads plugins, and none needs a web framework."""
        from include.recommender.look_up import RecommenderLookUp
        from include.ui.app import make_app

        app = make_app(TITLE, "recommender_daily", recommender_to_read, RecommenderLookUp())
        return [{"name": "higawari", "app": app, "url_prefix": PREFIX}]
