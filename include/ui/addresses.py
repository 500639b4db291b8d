"""Where the pages are: alone under PREFIX, and within Airflow's own frame, where people open them."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from include.retraining.alerting.links import NAVIGATION as NAVIGATION  # as /plugin/<NAVIGATION>
from include.retraining.alerting.links import PREFIX as PREFIX


def page(path: str = "", section: str = "") -> str:
    """The address of a page within Airflow's frame: without a host, so that it holds behind any proxy.

    Airflow opens in the frame what follows its own part of the address.
    """
    root = airflow_path()
    return f"{root}plugin/{NAVIGATION}{root}{PREFIX[1:]}/{quote(path)}{f'#{section}' if section else ''}"


def airflow_path() -> str:
    """The path that a proxy puts before Airflow's own, as [api] base_url says; `/` without one."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + "/"
