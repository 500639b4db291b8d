"""The dry run knows what every SQL file needs; tests/contract runs it."""

from __future__ import annotations

import pytest

from include.recommender.dry_run import EXAMPLES, INGEST, INPUTS
from include.recommender.sql import FOLDER, sql
from include.recommender.tables import RECOMMENDER_TABLES
from include.retraining.tables import MACHINERY_TABLES
from include.retraining.warehouse.sql import parameter_names, table_names


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.sql")))
def test_every_parameter_has_an_example_and_every_input_its_columns(name: str) -> None:
    tables = {table.name for table in (*RECOMMENDER_TABLES, *MACHINERY_TABLES)}
    given = {*INPUTS, *(input_name for file, input_name, _ in INGEST if file == name)}
    assert parameter_names(sql(name)) <= set(EXAMPLES)
    assert table_names(sql(name)) <= tables | given


def test_no_example_and_no_input_is_left_over() -> None:
    files = [sql(path.stem) for path in FOLDER.glob("*.sql")]
    assert set(EXAMPLES) == set().union(*map(parameter_names, files))
    assert set(INPUTS) <= set().union(*map(table_names, files))
