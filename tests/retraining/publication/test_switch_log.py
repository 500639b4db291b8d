"""The last row of the log is the pointer (rules 4 and 5)."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from multiprocessing.pool import Pool

import pytest

from include.retraining.errors import CommitConflictError
from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import (
    Kind,
    Switch,
    SwitchLog,
    append_switch,
    as_of_date_of,
    read_switch_log,
)
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.processes import switch_to

A, B, C = "2026-03-01-aaaaaaaaaaaa", "2026-03-02-bbbbbbbbbbbb", "2026-03-03-cccccccccccc"
START = datetime(2026, 3, 3, tzinfo=UTC)


def log_of(*moves: tuple[Kind, str]) -> SwitchLog:
    """A log from kinds and targets; hold and release stay where they are."""
    switches: list[Switch] = []
    for number, (kind, target) in enumerate(moves, start=1):
        before = switches[-1].to_publication_id if switches else ""
        to = before if kind in ("hold", "release") else target
        switches.append(Switch(number, before, to, kind, "test", "", "run", START + timedelta(hours=number)))
    return SwitchLog(switches)


def append(warehouse: LocalWarehouse, kind: Kind, target: str) -> Switch:
    return append_switch(warehouse, read_switch_log(warehouse), target, kind, "test", "because", "run 1")


def test_before_the_first_publication_there_is_nothing() -> None:
    log = log_of()
    assert (log.current, log.newest_date, log.last_move) == (None, None, None)
    assert not log.is_held("hold")


def test_rule_4_the_last_row_names_the_current_publication() -> None:
    assert log_of(("publish", A), ("publish", B)).current == B
    assert log_of(("publish", A), ("publish", B), ("rollback", A)).current == A
    assert log_of(("publish", A), ("auto_revert", "")).current is None
    assert log_of(("publish", A), ("hold", "")).current == A


def test_rule_5_the_newest_date_is_that_of_every_publication_ever_published() -> None:
    assert log_of(("publish", B), ("publish", C), ("rollback", B)).newest_date == date(2026, 3, 3)
    assert log_of(("publish", A), ("auto_revert", "")).newest_date == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("moves", "under_hold", "under_resume"),
    [
        ([("publish", A), ("publish", B)], False, False),
        ([("publish", A), ("publish", B), ("rollback", A)], True, False),
        ([("publish", A), ("publish", B), ("rollback", A), ("release", "")], False, False),
        ([("publish", A), ("hold", "")], True, True),
        ([("publish", A), ("hold", ""), ("release", "")], False, False),
        ([("publish", A), ("publish", B), ("rollback", A), ("release", ""), ("rollback", "")], True, False),
        ([("publish", A), ("hold", ""), ("publish", B), ("rollback", A)], True, True),
        ([("publish", A), ("publish", B), ("auto_revert", A)], False, False),
        ([("publish", A), ("release", ""), ("hold", "")], True, True),
    ],
)
def test_rule_5_publishing_is_held_by_a_hold_and_as_the_policy_says_by_a_rollback(
    moves: list[tuple[Kind, str]], under_hold: bool, under_resume: bool
) -> None:
    log = log_of(*moves)
    assert (log.is_held("hold"), log.is_held("resume")) == (under_hold, under_resume)


def test_a_publication_that_people_took_away_is_rolled_back_and_a_reverted_one_is_not() -> None:
    log = log_of(("publish", A), ("publish", B), ("rollback", A), ("publish", C), ("auto_revert", A))
    assert log.rolled_back == {B}


def test_what_people_give_back_is_no_longer_rolled_back_nor_is_what_readers_had_meanwhile() -> None:
    mistaken = log_of(("publish", A), ("publish", B), ("rollback", A), ("rollback", B))
    assert mistaken.rolled_back == set()
    assert [status_of(mistaken, name) for name in (A, B)] == ["superseded", "current"]
    later = log_of(("publish", A), ("publish", B), ("rollback", A), ("rollback", B), ("rollback", A))
    assert later.rolled_back == {B}


def test_going_back_to_a_publication_that_was_once_taken_away_takes_away_what_was_published_since() -> None:
    log = log_of(("publish", A), ("publish", B), ("rollback", A), ("release", ""), ("publish", C), ("rollback", B))
    assert log.rolled_back == {C}
    given_back = log_of(("publish", A), ("publish", B), ("rollback", A), ("hold", ""), ("rollback", B))
    assert given_back.rolled_back == set()


def test_a_hold_is_no_move() -> None:
    log = log_of(("publish", A), ("publish", B), ("hold", ""), ("release", ""))
    assert log.last_move == log.switches[1]


def test_rule_4_a_switch_is_one_row_with_who_why_and_where_from(warehouse: LocalWarehouse) -> None:
    first, second = append(warehouse, "publish", A), append(warehouse, "publish", B)
    assert read_switch_log(warehouse).switches == [first, second]
    assert (first.number, first.from_publication_id, first.to_publication_id) == (1, "", A)
    assert (second.number, second.from_publication_id, second.to_publication_id) == (2, A, B)
    assert (second.who, second.why, second.run_id) == ("test", "because", "run 1")
    assert datetime.now(UTC) - second.switched_at < timedelta(minutes=5)


def test_the_tenth_switch_comes_after_the_ninth(warehouse: LocalWarehouse) -> None:
    for day in range(1, 12):
        append(warehouse, "publish", f"2026-03-{day:02}-x")
    assert read_switch_log(warehouse).current == "2026-03-11-x"


def test_of_two_who_read_the_same_log_the_second_gets_a_conflict(warehouse: LocalWarehouse) -> None:
    append(warehouse, "publish", A)
    stale = read_switch_log(warehouse)
    append_switch(warehouse, stale, B, "publish", "one", "", "run 1")
    with pytest.raises(CommitConflictError, match="switch number 2 to be free") as lost:
        append_switch(warehouse, stale, C, "publish", "other", "", "run 2")
    assert lost.value.retry_helps
    assert read_switch_log(warehouse).current == B


def test_of_three_processes_that_switch_at_once_one_wins(warehouse: LocalWarehouse, processes: Pool) -> None:
    start = time.time() + 0.5
    stale = read_switch_log(warehouse)
    tasks = [(warehouse.folder, start, publication_id, stale) for publication_id in (A, B, C)]
    outcomes = processes.starmap(switch_to, tasks, chunksize=1)
    assert sorted(outcomes) == ["lost", "lost", "won"]
    (switch,) = read_switch_log(warehouse).switches
    assert switch.to_publication_id == (A, B, C)[outcomes.index("won")]


def test_an_id_starts_with_its_date() -> None:
    assert as_of_date_of(B) == date(2026, 3, 2)
