"""Views follow the switches log, whoever switches at the same moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from include.retraining.errors import CommitConflictError
from include.retraining.publication.live_views import TRIES, follow_log, views_differ
from include.retraining.warehouse.local import LocalWarehouse

FIRST, SECOND = ("2026-05-04-a", date(2026, 5, 4)), ("2026-05-05-b", date(2026, 5, 5))


@dataclass
class WithViews(LocalWarehouse):
    """The embedded warehouse, as if its readers queried views; `shown` is what each try showed."""

    shown: list[object] = field(default_factory=list)

    def show(self, *pointer: object) -> None:
        self.shown.append(pointer)

    def shows(self, *pointer: object) -> bool:
        return self.shown[-1:] == [pointer]


@pytest.fixture
def views(tmp_path: Path) -> WithViews:
    return WithViews(tmp_path, tmp_path)


def test_readers_who_ask_the_log_itself_need_nothing(warehouse: LocalWarehouse) -> None:
    follow_log(warehouse, lambda: pytest.fail("the log was read"))
    assert not views_differ(warehouse, FIRST)


def test_views_show_what_the_log_names(views: WithViews) -> None:
    assert views_differ(views, FIRST)
    follow_log(views, lambda: FIRST)
    assert views.shown == [FIRST]
    assert not views_differ(views, FIRST)


def test_of_two_that_switch_at_once_the_later_ones_views_stay(views: WithViews) -> None:
    """The other one appends, and shows, between our reading of the log and our making of the views."""
    read = iter([FIRST, SECOND, SECOND, SECOND])
    follow_log(views, lambda: next(read))
    assert views.shown == [FIRST, SECOND]


def test_a_log_that_never_rests_is_a_conflict(views: WithViews) -> None:
    read = iter([FIRST, SECOND] * TRIES)
    with pytest.raises(CommitConflictError, match="publication_switches"):
        follow_log(views, lambda: next(read))
