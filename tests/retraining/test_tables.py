"""Rule 3: audit tables only grow, with a key that a retry finds again."""

from __future__ import annotations

import pytest

from include.retraining.errors import TableSchemaError
from include.retraining.tables import (
    ALERTS,
    BLOCKED_ITEMS,
    MACHINERY_TABLES,
    PROMOTION_DECISIONS,
    PUBLICATION_SWITCHES,
    PUBLICATIONS,
    READMISSIONS,
    TASK_FAILURES,
)
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.table import Table

AUDIT = (READMISSIONS, PROMOTION_DECISIONS, PUBLICATIONS, PUBLICATION_SWITCHES, BLOCKED_ITEMS)
ABOUT_RUNS = (TASK_FAILURES, ALERTS)


@pytest.mark.parametrize("table", AUDIT + ABOUT_RUNS, ids=lambda table: table.name)
def test_rule_3_an_audit_table_cannot_be_replaced(table: Table, warehouse: LocalWarehouse) -> None:
    with pytest.raises(TableSchemaError, match="only appended to"):
        warehouse.replace(table, {}, table.schema.empty_table())


@pytest.mark.parametrize("table", AUDIT, ids=lambda table: table.name)
def test_rule_3_the_key_of_an_audit_table_holds_neither_a_time_nor_a_run(table: Table) -> None:
    assert not set(table.key) & {"run_id", "recorded_at", "created_at", "switched_at", "readmitted_at"}
    assert not set(table.key) & set(table.unhashed)


@pytest.mark.parametrize("table", MACHINERY_TABLES, ids=lambda table: table.name)
def test_a_partition_is_part_of_the_key(table: Table) -> None:
    assert set(table.partition) <= set(table.key)
    assert table.doc.endswith(".")
