"""Starts the BigQuery emulator on free ports with a folder of its own, and stops it."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

from include.retraining.settings import PROJECT
from tests.contract.install_emulator import WHY_NOT
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(os.environ.get("HIGAWARI_EMULATOR") or PROJECT / ".emulator")
SECONDS_TO_START = 240


def why_not() -> str | None:
    """Why the emulator cannot be started here."""
    if (FOLDER / WHY_NOT).is_file():
        return (FOLDER / WHY_NOT).read_text().strip()
    if not (FOLDER / "environment").is_dir():
        return "the BigQuery emulator is not installed: make emulator"
    try:
        import airflow.providers.google  # noqa: F401
    except ImportError:
        return "the Google provider is not installed: make emulator"
    return None


@contextmanager
def running_emulator(folder: Path) -> Iterator[dict[str, str]]:
    """The variables by which clients find an emulator whose data lie in `folder`."""
    port, grpc_port = free_ports(2)
    python, emulator = FOLDER / "environment" / "bin" / "python", Path(__file__).with_name("quick_emulator.py")
    command = [str(python), str(emulator), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--grpc-port", str(grpc_port), "--data-dir", str(folder / "data"), "--project", "demo-project"]
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(FOLDER)})
        try:
            _wait(f"http://127.0.0.1:{port}/bigquery/v2/projects", process)
            yield {
                "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{port}",
                "BIGQUERY_STORAGE_EMULATOR_HOST": f"127.0.0.1:{grpc_port}",
            }
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the BigQuery emulator did not start within {SECONDS_TO_START} s")
