"""The world of the drill: a small simulated service, its home on a small disk, and a twin that nobody disturbs."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from drill.blows import FOLDER_VARIABLE
from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService
from include.embedded.environment import PROJECT
from include.retraining.warehouse.local import LocalWarehouse
from tests.simulated_home import SMALL_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.sinks import MailSink, WebhookSink

NIGHTS = 3
DISK = "disk"
RUNBOOK_URL = "https://wiki.example.com/runbook"
CHANNELS = [
    {"kind": "smtp", "connection": "on_call_mail", "to": ["oncall@example.com"]},
    {"kind": "webhook", "connection": "on_call_chat"},
]
RUN_DAYS = """
import sys
from datetime import date
from include.recommender.backtest import run_day
from include.recommender.workspace import open_recommender
from include.retraining.run import Run
for day in sys.argv[1:]:
    run_day(Run(date.fromisoformat(day), "undisturbed", "backtest"), open_recommender())
"""


@dataclass(frozen=True)
class World:
    """A home with landed days. `dates`: the first is published before the drill, then one for each night."""

    home: Path
    dates: Sequence[date]
    hash_key: str

    @classmethod
    def make(cls, home: Path) -> World:
        """Forty days of a small service, the last of them yesterday."""
        today = datetime.now(UTC).date()
        service = PhotoService(
            start=today - timedelta(days=40), days=40, users=300, items=150, births_per_day=3, events_per_day=900
        )
        write_landing_zone(service, home / "landing")
        dates = [today - timedelta(days=age) for age in range(NIGHTS, -1, -1)]
        return cls(home, dates, secrets.token_hex(32))

    @property
    def disk(self) -> Path:
        """Where the small disk is mounted: all that the drilled days write."""
        return self.home / DISK

    @property
    def twin(self) -> Path:
        """Where the undisturbed days are."""
        return self.home / "undisturbed"

    def environment(self, data: Path) -> dict[str, str]:
        """Settings of days whose tables and models lie in a folder."""
        return {
            **SMALL_SETTINGS,
            "HIGAWARI_HASH_KEY": self.hash_key,
            "HIGAWARI_STORAGE__WAREHOUSE": str(data / "warehouse"),
            "HIGAWARI_STORAGE__SPILL": str(data / "spill"),
            "MLFLOW_TRACKING_URI": tracking_uri(data),
        }

    def airflow_environment(self, drill_folder: Path, mail: MailSink, chat: WebhookSink) -> dict[str, str]:
        """What the drilled Airflow gets besides: faults, channels, and no runs but those that the drill asks for."""
        return {
            **self.environment(self.disk),
            FOLDER_VARIABLE: str(drill_folder),
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "drill" / "inside")]),
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "AIRFLOW_CONN_ON_CALL_MAIL": mail.connection(),
            "AIRFLOW_CONN_ON_CALL_CHAT": chat.connection(),
            "HIGAWARI_ALERTS__CHANNELS": json.dumps(CHANNELS),
            "HIGAWARI_ALERTS__RUNBOOK_URL": RUNBOOK_URL,
            # Nobody edits a DAG file meanwhile; callbacks, which send the alerts, do not wait for it.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            # An MLflow that does not answer is given up at once: by default only after minutes.
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
        }

    def begin_days(self, data: Path, dates: Sequence[date]) -> subprocess.Popen[bytes]:
        """Publish dates in a process of its own, with no Airflow and no faults."""
        (data / "mlflow").mkdir(parents=True, exist_ok=True)
        environment = {**_without_ours(os.environ), "HIGAWARI_HOME": str(self.home), **self.environment(data)}
        with (self.home / f"{data.name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", RUN_DAYS, *map(str, dates)],
                env=environment, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip


def tracking_uri(data: Path) -> str:
    """The MLflow store in a folder."""
    return f"sqlite:///{data}/mlflow/mlflow.db"


def warehouse_in(data: Path) -> LocalWarehouse:
    """The warehouse in a folder, to read."""
    return LocalWarehouse(data / "warehouse", data / "spill", threads=1)


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(("HIGAWARI_", "MLFLOW_"))}
