"""Where events and items come from: files of a landing zone, or tables that somebody else fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from include.retraining.landing import LandedColumns


class Deliveries(Protocol):
    """Rows as they arrived, by kind (`events`, `items`) and date of arrival."""

    def check(self) -> None:
        """SettingsError where there is nothing to read from."""

    def awaited(self, kind: str, day: date) -> tuple[str, str]:
        """For people: what makes a day's delivery complete, and what is there of it."""

    def is_ready(self, kind: str, day: date) -> bool:
        """Whether the day's delivery is complete."""

    def ready_days(self, kind: str) -> list[date]:
        """Days whose delivery is complete, in order."""

    def has_files(self, kind: str, day: date) -> bool:
        """Whether the day's delivery holds anything."""

    def read(self, kind: str, days: Sequence[date], columns: LandedColumns) -> pa.Table:
        """Every row of the given ready days, as text, with the columns `day` and `file`."""
