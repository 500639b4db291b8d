"""Rules 4 and 5, one by one: who may move the pointer, and who takes it back."""

from __future__ import annotations

from datetime import date

import pytest

from include.recommender.tables import POPULAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import PublicationVerifyError
from include.retraining.publication.reader import read_publication
from include.retraining.publication.stage import Staged
from include.retraining.publication.switch import switch_current, verify_current
from include.retraining.publication.switch_log import Kind, append_switch, read_switch_log
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.publishing import forget_u1, publish, run_of, stage_lists

MON, TUE, WED = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)


def operator(warehouse: LocalWarehouse, kind: Kind, to: str | None = None) -> None:
    log = read_switch_log(warehouse)
    append_switch(warehouse, log, log.current or "" if to is None else to, kind, "operator", "a test", "")


def read_back(warehouse: LocalWarehouse, publication_id: str) -> dict[object, object]:
    return {
        table: read_publication(warehouse, table, publication_id) for table in (USER_RECOMMENDATIONS, POPULAR_ITEMS)
    }


def verify(warehouse: LocalWarehouse, staged: Staged, content_hash: str | None = None) -> None:
    rows = read_back(warehouse, staged.publication_id)
    verify_current(warehouse, run_of(TUE), staged.publication_id, content_hash or staged.content_hash, rows)


def test_rule_4_the_first_publication_moves_readers_from_nothing(warehouse: LocalWarehouse) -> None:
    staged, result = publish(warehouse, MON, 3)
    assert (result.is_current, result.why) == (True, "readers were moved from nothing")
    (switch,) = read_switch_log(warehouse).switches
    assert (switch.kind, switch.to_publication_id, switch.who) == ("publish", staged.publication_id, "manual")
    assert switch.why == "daily publication"


def test_rule_4_the_next_day_moves_readers_on(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, result = publish(warehouse, TUE, 4)
    assert result.why == f"readers were moved from {first.publication_id}"
    assert read_switch_log(warehouse).current == second.publication_id


def test_rule_3_a_repeated_switch_adds_nothing(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    _, again = publish(warehouse, MON, 3)
    assert (again.is_current, again.why) == (True, "readers see it already")
    assert len(read_switch_log(warehouse).switches) == 1


def test_a_run_that_was_asked_to_stage_only_moves_nothing(warehouse: LocalWarehouse) -> None:
    staged = stage_lists(warehouse, MON, 3)
    result = switch_current(warehouse, run_of(MON, publish="stage_only"), staged.publication_id, "hold")
    assert (result.is_current, result.why) == (False, "staged only: the run was asked to stage only")
    assert read_switch_log(warehouse).current is None


def test_rule_5_an_older_date_never_moves_the_pointer(warehouse: LocalWarehouse) -> None:
    newest, _ = publish(warehouse, TUE, 3)
    _, result = publish(warehouse, MON, 4)
    assert not result.is_current
    assert result.why == "staged only: 2026-03-09 is older than 2026-03-10, the newest date ever published"
    assert read_switch_log(warehouse).current == newest.publication_id


def test_rule_5_an_older_date_stays_behind_even_after_a_rollback_below_it(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    publish(warehouse, WED, 4)
    operator(warehouse, "rollback", first.publication_id)
    _, result = publish(warehouse, TUE, 5, "resume")
    assert "older than 2026-03-11" in result.why


def test_a_rerun_of_the_newest_date_with_other_content_is_published(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    second, result = publish(warehouse, MON, 4)
    assert result.is_current
    assert read_switch_log(warehouse).current == second.publication_id


def test_rule_5_after_a_rollback_later_runs_stage_only_until_released(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    publish(warehouse, TUE, 4)
    operator(warehouse, "rollback", first.publication_id)
    _, held = publish(warehouse, WED, 5)
    assert held.why == "staged only: publishing is on hold after a rollback, until an operator releases it"
    assert read_switch_log(warehouse).current == first.publication_id
    operator(warehouse, "release")
    _, released = publish(warehouse, WED, 5)
    assert released.is_current


def test_rule_5_where_the_policy_says_resume_the_next_day_is_published(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    publish(warehouse, TUE, 4)
    operator(warehouse, "rollback", first.publication_id)
    assert publish(warehouse, WED, 5, "resume")[1].is_current


def test_a_publication_that_was_rolled_back_does_not_come_back_by_itself(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    publish(warehouse, TUE, 4)
    operator(warehouse, "rollback", first.publication_id)
    _, result = publish(warehouse, TUE, 4, "resume")
    assert result.why == "staged only: this very publication was rolled back"


def test_rule_4_readers_who_get_what_was_staged_are_left_alone(warehouse: LocalWarehouse) -> None:
    staged, _ = publish(warehouse, MON, 3)
    verify(warehouse, staged)
    assert read_switch_log(warehouse).current == staged.publication_id


def test_rule_4_readers_who_get_something_else_are_switched_back(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 4)
    with pytest.raises(PublicationVerifyError) as error:
        verify(warehouse, second, "0" * 64)
    log = read_switch_log(warehouse)
    assert log.current == first.publication_id
    assert log.switches[-1].kind == "auto_revert"
    assert second.publication_id in error.value.expected
    assert f"readers are back on {first.publication_id}" in error.value.found


def test_rule_4_a_hold_in_between_does_not_keep_readers_on_a_broken_publication(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 4)
    operator(warehouse, "hold")
    with pytest.raises(PublicationVerifyError):
        verify(warehouse, second, "0" * 64)
    assert read_switch_log(warehouse).current == first.publication_id


def test_rule_4_a_broken_first_publication_leaves_readers_with_nothing(warehouse: LocalWarehouse) -> None:
    staged, _ = publish(warehouse, MON, 3)
    with pytest.raises(PublicationVerifyError, match="readers are back on nothing"):
        verify(warehouse, staged, "0" * 64)
    assert read_switch_log(warehouse).current is None


def test_a_lost_row_is_found(warehouse: LocalWarehouse) -> None:
    staged, _ = publish(warehouse, MON, 3)
    rows = read_back(warehouse, staged.publication_id)
    rows[POPULAR_ITEMS] = rows[POPULAR_ITEMS].slice(1)  # type: ignore[attr-defined]
    with pytest.raises(PublicationVerifyError):
        verify_current(warehouse, run_of(MON), staged.publication_id, staged.content_hash, rows)  # type: ignore[arg-type]


def test_rule_4_who_was_forgotten_since_staging_is_not_missed(warehouse: LocalWarehouse) -> None:
    publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 4)
    forget_u1(warehouse)
    verify(warehouse, second)
    assert read_switch_log(warehouse).current == second.publication_id


def test_rule_4_a_lost_row_is_found_beside_an_erasure(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 4)
    forget_u1(warehouse)
    warehouse.delete(POPULAR_ITEMS, {"publication_id": second.publication_id, "rank": 4})
    with pytest.raises(PublicationVerifyError):
        verify(warehouse, second)
    assert read_switch_log(warehouse).current == first.publication_id


def test_nothing_is_taken_back_where_readers_have_moved_on(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, MON, 3)
    second, _ = publish(warehouse, TUE, 4)
    verify(warehouse, first, "0" * 64)
    assert read_switch_log(warehouse).current == second.publication_id


def test_a_reverted_publication_may_be_published_again_once_the_storage_is_mended(warehouse: LocalWarehouse) -> None:
    staged, _ = publish(warehouse, MON, 3)
    with pytest.raises(PublicationVerifyError):
        verify(warehouse, staged, "0" * 64)
    _, again = publish(warehouse, MON, 3)
    assert again.is_current
    verify(warehouse, staged)
