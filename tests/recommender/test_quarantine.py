"""Refused rows on their way into quarantine."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from include.recommender import quarantine as quarantine_module
from include.recommender.quarantine import quarantine
from include.retraining.tables import QUARANTINED_ROWS

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

DAY = date(2026, 1, 12)


def test_many_rows_are_written_some_at_a_time_and_in_order(
    warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong mapping refuses every row of a history: as Python objects they would fit no memory."""
    monkeypatch.setattr(quarantine_module, "ROWS_AT_ONCE", 2)
    sizes: list[int] = []
    replace = type(warehouse).replace

    def spy(self: Any, table: Any, partition: Any, rows: Any) -> Any:
        sizes.extend(piece.num_rows for piece in rows.made())
        return replace(self, table, partition, rows)

    monkeypatch.setattr(type(warehouse), "replace", spy)
    classified = pa.table(
        {
            "row_id": ["c", "good", "a", "b"],
            "user_id": [None, "u1", None, None],
            "broken_rule": ["user_id_missing", None, "user_id_missing", "user_id_missing"],
            "arrival_date": pa.array([DAY] * 4, pa.date32()),
            "file": ["f"] * 4,
        }
    )
    assert quarantine(warehouse, "events", classified, "arrival_date", [DAY], ["user_id"]) == 3
    assert sizes == [2, 1]
    assert warehouse.read(QUARANTINED_ROWS)["row_id"].to_pylist() == ["a", "b", "c"]
