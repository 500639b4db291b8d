"""Where an alert sends its reader: the runbook's section, the run and the log in the Airflow UI, the task's page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from include.retraining.alerting.airflow_side import ui_address

if TYPE_CHECKING:
    from datetime import date

    from include.retraining.run import Run
    from include.retraining.settings import Alerts

NO_SECTION = "the-first-minute"
# Where the pages are: by themselves, and in Airflow's navigation.
PREFIX, NAVIGATION = "/higawari", "recommender"


@dataclass(frozen=True)
class Links:
    """Links of one run."""

    runbook_url: str
    airflow_url: str
    dag_id: str
    run_id: str

    def section(self, name: str) -> str:
        """A section of the runbook."""
        return f"{self.runbook_url}#{name or NO_SECTION}"

    def page(self, as_of_date: date) -> str:
        """All about a date, on the project's own page within Airflow's frame."""
        airflow, path = self.airflow_url.rstrip("/"), urlsplit(self.airflow_url).path.rstrip("/")
        return f"{airflow}/plugin/{NAVIGATION}{path}{PREFIX}/dates/{as_of_date}"

    @property
    def run(self) -> str:
        """The run in the Airflow UI."""
        return f"{self.airflow_url.rstrip('/')}/dags/{self.dag_id}/runs/{quote(self.run_id, safe='')}"

    def log(self, task_id: str, map_index: int = -1, try_number: int = 0) -> str:
        """The log of a task, of its last try unless one is named."""
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        return f"{self.run}/tasks/{task_id}{mapped}{f'?try_number={try_number}' if try_number else ''}"


def links_of(run: Run, settings: Alerts) -> Links:
    """Links of a run, by the settings."""
    return Links(settings.runbook_url, settings.airflow_url or ui_address(), run.dag_id, run.run_id)


def part_of_page(page: str, part: str) -> str:
    """What a task's page says under **part**, on one line."""
    found = re.search(rf"\*\*{re.escape(part)}\*\*: (.*?)(?=\n\*\*|\Z)", page, re.DOTALL)
    return " ".join(found[1].split()) if found else ""
