"""`make bigquery-dry-run` reads every statement. The emulator explains them; what they would bill it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from include.recommender.dry_run import dry_runs, main
from include.recommender.settings import RecommenderSettings
from include.recommender.sql import FOLDER
from include.recommender.tables import RECOMMENDER_TABLES
from include.retraining.tables import MACHINERY_TABLES
from tests.contract.conftest import environment_for, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.retraining.settings import BigQuery

pytestmark = pytest.mark.service


def test_every_statement_is_read_and_a_wrong_one_refused(
    new_dataset: Callable[[], BigQuery], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = new_dataset()
    warehouse = opened(settings)
    warehouse.create_tables((*RECOMMENDER_TABLES, *MACHINERY_TABLES))
    names = {name for name, _, _ in dry_runs(warehouse.jobs, RecommenderSettings())}
    assert {path.stem for path in FOLDER.glob("*.sql")} < names
    assert {f"insert into {table.name}" for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES)} < names
    for name, value in environment_for(settings).items():
        monkeypatch.setenv(name, value)
    assert main() == 0
    warehouse.jobs.client.delete_table(warehouse.jobs.table_id("blocked_items"))
    capsys.readouterr()
    assert main() == 1
    said = capsys.readouterr().out
    assert "check_publication_rows: REFUSED" in said
    assert "item_stats: 0 bytes" in said
