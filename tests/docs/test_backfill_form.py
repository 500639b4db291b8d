"""What docs/operate.md says about the options of a backfill is what this Airflow offers."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SECTION = (PROJECT / "docs" / "operate.md").read_text().split("\n## Backfill\n")[1].split("\n## ")[0]
TABLE = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
LABELS = Path("ui", "dist", "i18n", "locales", "en", "components.json")
MEND = "mend the table in docs/operate.md, Backfill"


@pytest.fixture(autouse=True)
def airflow_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Importing Airflow makes a home at once: not in the user's folder."""
    if "AIRFLOW_HOME" not in os.environ:
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))


def column(number: int) -> str:
    """One column of the table of options."""
    return "\n".join(line.split("|")[number] for line in TABLE)


def test_the_form_has_these_labels() -> None:
    airflow = importlib.util.find_spec("airflow")
    assert airflow
    (folder,) = airflow.submodule_search_locations or ()
    labels = {str(word) for word in json.loads((folder / LABELS).read_text())["backfill"].values()}
    named = set(re.findall(r"\*(.+?)\*", column(2)))
    assert named
    assert named <= labels, f"{MEND}: the form says {sorted(labels)}"


def test_the_command_has_these_options() -> None:
    from airflow.cli.cli_config import BACKFILL_COMMANDS

    (create,) = [command for command in BACKFILL_COMMANDS if command.name == "create"]
    options = {flag for argument in create.args for flag in argument.flags}
    assert set(re.findall(r"--[a-z-]+", column(3))) <= options, MEND


@pytest.mark.parametrize("behaviour", re.findall(r'"(none|failed|completed)"', column(4)))
def test_the_api_has_these_fields(behaviour: str) -> None:
    from airflow.api_fastapi.core_api.datamodels.backfills import BackfillPostBody

    fields = set(re.findall(r'[`"]([a-z]+_[a-z_]+)[`"]', column(4)))
    assert fields == {"from_date", "to_date", "reprocess_behavior", "run_backwards", "max_active_runs"}, MEND
    body = {name: "2026-01-10T00:00:00Z" for name in fields if name.endswith("date")}
    found = BackfillPostBody.model_validate(body | {"dag_id": "d", "reprocess_behavior": behaviour})
    assert fields <= set(BackfillPostBody.model_fields)
    assert found.reprocess_behavior == behaviour
