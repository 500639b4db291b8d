"""Commands find the Airflow connection to BigQuery (an emulator of it) where people keep it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.embedded.environment import embedded_environment
from tests.contract.conftest import CONNECTION, PROJECT, environment_for
from tests.ports import free_port
from tests.prepared_home import give_databases
from tests.simulated_home import PROJECT as FOLDER

if TYPE_CHECKING:
    from include.retraining.settings import BigQuery

pytestmark = [pytest.mark.service, pytest.mark.integration]


@pytest.mark.usefixtures("emulator")
def test_a_connection_of_airflows_database_is_found_and_a_missing_one_is_named(
    own_dataset: BigQuery, prepared_home: Path, tmp_path: Path
) -> None:
    give_databases(prepared_home, tmp_path)
    environment = embedded_environment(tmp_path, free_port()) | environment_for(own_dataset)
    del environment["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"]

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words], env=environment, cwd=FOLDER, capture_output=True, text=True, check=False
        )

    create = "include.retraining.warehouse.bigquery.create_dataset"
    missing = command(create)
    assert missing.returncode == 1
    add = "airflow connections add google_cloud_default --conn-type google_cloud_platform"
    assert f"make it: {add}" in missing.stdout
    extra = json.dumps(CONNECTION["extra"])
    command(*add.split(), "--conn-extra", extra).check_returncode()
    assert command(create).stdout.split() == [
        f"{PROJECT}.{own_dataset.dataset}", f"{PROJECT}.{own_dataset.work_dataset}",
    ]  # fmt: skip
