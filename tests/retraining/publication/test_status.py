"""What became of a publication, from the log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from include.retraining.publication.status import Status, status_of
from include.retraining.publication.switch_log import Kind, Switch, SwitchLog
from tests.retraining.publication.test_switch_log import A, B, log_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = "2026-01-01-0123456789ab"


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], "staged"),
        ([("publish", B)], "staged"),
        ([("publish", A)], "current"),
        ([("publish", A), ("hold", "")], "current"),
        ([("publish", A), ("publish", B)], "superseded"),
        ([("publish", A), ("hold", ""), ("publish", B)], "superseded"),
        ([("publish", OLD), ("publish", A), ("rollback", OLD)], "rolled_back"),
        ([("publish", OLD), ("publish", A), ("rollback", OLD), ("release", "")], "rolled_back"),
        ([("publish", B), ("publish", A), ("auto_revert", B)], "rejected"),
        ([("publish", A), ("publish", B), ("rollback", A)], "current"),
        ([("publish", A), ("rollback", B)], "superseded"),
        ([("publish", A), ("auto_revert", ""), ("publish", A), ("publish", B)], "superseded"),
    ],
)
def test_the_status_follows_from_the_switches(moves: list[tuple[Kind, str]], expected: Status) -> None:
    assert status_of(log_of(*moves), A) == expected


def test_a_publication_that_failed_its_check_is_rejected_until_it_is_current() -> None:
    assert status_of(log_of(), A, "stop") == "rejected"
    assert status_of(log_of(), A, "warn") == "staged"
    assert status_of(log_of(("publish", A)), A, "stop") == "current"


class Counted(list[Switch]):
    """Switches that know how often somebody went through them."""

    times = 0

    def __iter__(self) -> Iterator[Switch]:
        self.times += 1
        return super().__iter__()


def test_many_publications_take_no_reading_of_the_log_each() -> None:
    """With ten years of history a page took seconds."""
    switches = Counted(log_of(*(("publish", name) for name in (A, B) * 50)).switches)
    log = SwitchLog(switches)
    assert {status_of(log, name) for name in (A, B, OLD) * 50} == {"current", "superseded", "staged"}
    assert switches.times == 2
