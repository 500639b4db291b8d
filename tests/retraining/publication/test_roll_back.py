"""A person moves readers to another publication: planned once, shown or done (rules 3, 4, 5, 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from include.recommender.tables import POPULAR_ITEMS, USER_RECOMMENDATIONS
from include.retraining.erasure import record_published
from include.retraining.errors import CommitConflictError, OperationError
from include.retraining.operation import Operation, Plan, perform
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.publication.reader import read_current
from include.retraining.publication.roll_back import Action, plan_switch
from include.retraining.publication.stage import record_publication, stage
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.tables import PUBLICATION_SWITCHES, PUBLICATIONS
from include.retraining.warehouse.local import LocalWarehouse
from include.retraining.warehouse.table import Table
from tests.conftest import put_in_place, warehouse_in
from tests.retraining.publishing import (
    FORGET,
    LINEAGE,
    forget_u1,
    lists,
    popular,
    publish,
    run_of,
    stage_lists,
    traces_of_u1,
)

MON, TUE, WED = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)
TABLES = (USER_RECOMMENDATIONS, POPULAR_ITEMS)
OPERATION = Operation("run-1", "hana", "bad lists", dry_run=False)


@pytest.fixture(scope="module")
def three_days(
    empty_tables: tuple[Path, dict[str, Table]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """The folder of a warehouse with three published days, by the number of their rows 3, 4 and 5; and their ids."""
    home = tmp_path_factory.mktemp("three_days")
    warehouse = warehouse_in(home, empty_tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIGAWARI_HOME", str(home))
        published = [publish(warehouse, day, count)[0] for day, count in ((MON, 3), (TUE, 4), (WED, 5))]
    return warehouse.folder, [staged.publication_id for staged in published]


@pytest.fixture
def days(warehouse: LocalWarehouse, three_days: tuple[Path, list[str]]) -> list[str]:
    """Their ids; they are in the warehouse of the test."""
    folder, published = three_days
    put_in_place(folder, warehouse)
    return list(published)


def plan(
    warehouse: LocalWarehouse, to: str | None = None, action: Action = "rollback", after_rollback: str = "hold",
    operation: Operation = OPERATION,
) -> Plan:  # fmt: skip
    return plan_switch(warehouse, operation, action, to, after_rollback, TABLES)


def do(warehouse: LocalWarehouse, to: str | None = None, action: Action = "rollback", run_id: str = "run-1") -> str:
    operation = replace(OPERATION, run_id=run_id)
    return perform(operation, plan(warehouse, to, action, operation=operation))


def kinds(warehouse: LocalWarehouse) -> list[str]:
    return [switch.kind for switch in read_switch_log(warehouse).switches]


def test_without_a_target_readers_get_what_they_had_before(warehouse: LocalWarehouse, days: list[str]) -> None:
    do(warehouse)
    assert set(read_current(warehouse, USER_RECOMMENDATIONS)["publication_id"].to_pylist()) == {days[1]}
    last = read_switch_log(warehouse).switches[-1]
    assert (last.from_publication_id, last.to_publication_id, last.kind) == (days[2], days[1], "rollback")
    assert (last.who, last.why, last.run_id) == ("hana", "bad lists", "run-1")
    assert read_switch_log(warehouse).is_held("hold")


def test_twice_without_a_target_goes_back_twice(warehouse: LocalWarehouse, days: list[str]) -> None:
    do(warehouse)
    do(warehouse, run_id="run-2")
    assert read_switch_log(warehouse).current == days[0]
    with pytest.raises(OperationError, match="none that readers had before"):
        plan(warehouse, operation=replace(OPERATION, run_id="run-3"))


def test_a_second_press_does_not_take_readers_one_further_back(warehouse: LocalWarehouse, days: list[str]) -> None:
    pressed = replace(OPERATION, run_id="run-2", asked_at=datetime.now(UTC))
    do(warehouse)
    with pytest.raises(OperationError, match=f"hana moved readers to {days[1]}"):
        plan(warehouse, operation=pressed)
    assert read_switch_log(warehouse).current == days[1]
    plan(warehouse, operation=replace(pressed, asked_at=datetime.now(UTC)))


def test_what_is_published_while_the_form_waits_does_not_bring_the_bad_lists_back(
    warehouse: LocalWarehouse, days: list[str]
) -> None:
    pressed = replace(OPERATION, asked_at=datetime.now(UTC))
    publish(warehouse, date(2026, 3, 12), 6)
    with pytest.raises(OperationError, match="trigger again and fill in publication_id"):
        plan(warehouse, operation=pressed)
    said = perform(pressed, plan(warehouse, days[1], operation=pressed))
    assert f"readers get: {days[1]}" in said
    assert read_switch_log(warehouse).current == days[1]


def test_a_hold_meanwhile_moved_nobody(warehouse: LocalWarehouse, days: list[str]) -> None:
    pressed = replace(OPERATION, asked_at=datetime.now(UTC))
    do(warehouse, action="hold", run_id="run-2")
    assert f"publication_id = {days[1]}" in perform(pressed, plan(warehouse, operation=pressed))


def test_rule_5_lists_that_a_person_gave_to_readers_are_not_replaced_by_older_ones(
    warehouse: LocalWarehouse, days: list[str]
) -> None:
    newer = stage_lists(warehouse, date(2026, 3, 12), 6).publication_id
    do(warehouse, newer)
    do(warehouse, action="release", run_id="run-2")
    assert not publish(warehouse, WED, 7)[1].is_current
    assert read_switch_log(warehouse).current == newer
    do(warehouse, run_id="run-3")
    assert read_switch_log(warehouse).current == days[2], "nothing was said against it"


def test_what_readers_got_after_the_target_is_not_what_they_had_before(
    warehouse: LocalWarehouse, days: list[str]
) -> None:
    """From Wednesday to Monday, over Tuesday's head: who then goes back once more must not get Tuesday's lists."""
    do(warehouse, days[0])
    with pytest.raises(OperationError, match="none that readers had before"):
        plan(warehouse, operation=replace(OPERATION, run_id="run-2"))


def test_rule_4_what_was_taken_back_from_readers_is_no_target(warehouse: LocalWarehouse, days: list[str]) -> None:
    bad = publish(warehouse, date(2026, 3, 12), 6)[0].publication_id
    append_switch(warehouse, read_switch_log(warehouse), days[2], "auto_revert", "manual", "differs", "run")
    publish(warehouse, date(2026, 3, 13), 7)
    with pytest.raises(OperationError, match="taken back"):
        plan(warehouse, bad)
    do(warehouse)
    assert read_switch_log(warehouse).current == days[2]


def test_a_person_may_choose_any_that_passed_its_checks(warehouse: LocalWarehouse, days: list[str]) -> None:
    staged = stage_lists(warehouse, date(2026, 3, 8), 2, "warn").publication_id
    do(warehouse, staged)
    do(warehouse, days[2], run_id="run-2")
    assert read_switch_log(warehouse).current == days[2]


def test_a_dry_run_says_the_same_and_changes_nothing(warehouse: LocalWarehouse, days: list[str]) -> None:
    version = warehouse.version(PUBLICATION_SWITCHES)
    shown = perform(replace(OPERATION, dry_run=True), plan(warehouse)).splitlines()
    assert warehouse.version(PUBLICATION_SWITCHES) == version
    done = do(warehouse).splitlines()
    without_age = [[line.split(", made")[0] for line in lines[1:]] for lines in (shown, done)]
    assert without_age[0] == without_age[1]
    assert without_age[0][:2] == [
        f"- readers leave: {days[2]} (as_of_date {WED}, check pass",
        f"- readers get: {days[1]} (as_of_date {TUE}, check pass",
    ]
    assert "for_you by ranker/1" in shown[1]
    assert "later runs are held" in shown[3]


@pytest.mark.parametrize(
    ("before", "after_rollback", "held"),
    [(None, "hold", True), (None, "resume", False), ("hold", "resume", True), ("hold", "hold", True)],
)
def test_it_says_whether_later_runs_are_held(
    warehouse: LocalWarehouse, days: list[str], before: Action | None, after_rollback: str, held: bool
) -> None:
    if before:
        do(warehouse, action=before, run_id="before")
    said = perform(OPERATION, plan(warehouse, after_rollback=after_rollback))
    assert ("later runs are held" in said) == held == read_switch_log(warehouse).is_held(after_rollback)


def test_rule_3_a_retry_adds_nothing(warehouse: LocalWarehouse, days: list[str]) -> None:
    do(warehouse)
    assert "rollback, switch 4" in do(warehouse)
    assert len(kinds(warehouse)) == 4


def test_a_daily_run_of_the_same_id_is_no_earlier_try(warehouse: LocalWarehouse, days: list[str]) -> None:
    do(warehouse, run_id=read_switch_log(warehouse).switches[-1].run_id)
    assert kinds(warehouse)[-1] == "rollback"


def test_who_loses_a_race_decides_anew(warehouse: LocalWarehouse, days: list[str]) -> None:
    planned = plan(warehouse)
    publish(warehouse, date(2026, 3, 12), 6)
    with pytest.raises(CommitConflictError, match="somebody else switched"):
        perform(OPERATION, planned)
    assert kinds(warehouse) == ["publish"] * 4


@pytest.mark.parametrize(
    ("to", "found"),
    [
        ("2026-03-09-nothing", "2026-03-09-nothing: no publication of this name passed its checks"),
        ("stopped", "no publication of this name passed its checks"),
        ("current", "readers see it now"),
    ],
)
def test_a_wrong_target_is_refused_with_the_right_ones(
    warehouse: LocalWarehouse, days: list[str], to: str, found: str
) -> None:
    stopped = stage_lists(warehouse, date(2026, 3, 12), 1, "stop").publication_id
    staged = stage_lists(warehouse, date(2026, 3, 8), 2).publication_id
    do(warehouse, days[1])
    with pytest.raises(OperationError) as refused:
        plan(warehouse, {"stopped": stopped, "current": days[1]}.get(to, to), operation=replace(OPERATION, run_id="2"))
    assert refused.value.found.endswith(found)
    targets = [line.split(" (")[0] for line in refused.value.expected.splitlines()[1:]]
    assert targets == [f"- rolled_back: {days[2]}", f"- superseded: {days[0]}", f"- staged: {staged}"]
    assert len(kinds(warehouse)) == 4


def test_rule_4_a_publication_whose_rows_were_lost_is_refused(warehouse: LocalWarehouse, days: list[str]) -> None:
    warehouse.replace(POPULAR_ITEMS, {"publication_id": days[1]}, POPULAR_ITEMS.schema.empty_table())
    with pytest.raises(OperationError, match=f"4 rows of {days[1]} in popular_items") as refused:
        plan(warehouse)
    assert [days[0] in refused.value.next_step, days[1] in refused.value.next_step] == [True, False]


def test_rule_7_damaged_files_of_what_readers_see_do_not_stop_a_rollback(
    warehouse: LocalWarehouse, days: list[str]
) -> None:
    remove_files(warehouse, days[2])
    do(warehouse)
    assert read_current(warehouse, USER_RECOMMENDATIONS).num_rows == 4


def test_rule_4_a_publication_whose_files_were_lost_is_refused(warehouse: LocalWarehouse, days: list[str]) -> None:
    remove_files(warehouse, days[1])
    with pytest.raises(OperationError, match="files that cannot be read"):
        plan(warehouse)


def test_who_was_forgotten_is_not_missed(warehouse: LocalWarehouse, days: list[str]) -> None:
    forget_u1(warehouse)
    do(warehouse)
    assert read_switch_log(warehouse).current == days[1]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rule_4_a_publication_that_lost_more_than_who_was_forgotten_is_refused(
    warehouse: LocalWarehouse, days: list[str], table: Table
) -> None:
    more = pa.concat_tables([lists(TUE, 4), of_u2(lists(TUE, 2))])
    both = stage(warehouse, TUE, {USER_RECOMMENDATIONS: more, POPULAR_ITEMS: popular(TUE, 4)})
    record_publication(warehouse, run_of(TUE), MachinerySettings(), both, LINEAGE, "pass")
    forget_u1(warehouse)
    plan(warehouse, both.publication_id)
    warehouse.delete(table, {"publication_id": both.publication_id, "rank": 1})
    with pytest.raises(OperationError, match=f"rows of {both.publication_id} in {table.name}"):
        plan(warehouse, both.publication_id)


def of_u2(rows: pa.Table) -> pa.Table:
    return rows.set_column(rows.column_names.index("user_id"), "user_id", pa.array(["u2"] * rows.num_rows))


def test_an_erasure_under_way_does_not_stop_a_rollback(warehouse: LocalWarehouse, days: list[str]) -> None:
    """It is recorded before it removes."""
    record_published(warehouse, *traces_of_u1(warehouse), FORGET)
    do(warehouse)
    assert read_switch_log(warehouse).current == days[1]


def remove_files(warehouse: LocalWarehouse, publication_id: str) -> None:
    files = list((warehouse.folder / "popular_items").glob(f"publication_id={publication_id}/*.parquet"))
    assert files
    for path in files:
        path.unlink()


def test_rule_7_before_the_first_publication_there_is_nowhere_to_go(warehouse: LocalWarehouse) -> None:
    with pytest.raises(OperationError, match="newest first: none"):
        plan(warehouse)


def test_a_publication_that_passed_the_second_time_is_one_target(warehouse: LocalWarehouse, days: list[str]) -> None:
    (row,) = warehouse.read(PUBLICATIONS, {"publication_id": days[0]}).to_pylist()
    again = [row | {"check_result": result} for result in ("stop", "warn")]
    warehouse.append_once(PUBLICATIONS, pa.Table.from_pylist(again, schema=PUBLICATIONS.schema))
    with pytest.raises(OperationError) as refused:
        plan(warehouse, "nothing")
    assert refused.value.expected.count(days[0]) == 1


def test_a_hold_moves_nobody_until_it_is_released(warehouse: LocalWarehouse, days: list[str]) -> None:
    assert "readers keep: " + days[2] in do(warehouse, action="hold")
    assert not publish(warehouse, date(2026, 3, 12), 6)[1].is_current
    assert "the next one publishes" in do(warehouse, action="release", run_id="run-2")
    assert publish(warehouse, date(2026, 3, 12), 6)[1].is_current
    assert kinds(warehouse)[3:] == ["hold", "release", "publish"]


@pytest.mark.parametrize(("action", "first"), [("hold", ["hold"]), ("release", [])])
def test_what_is_so_already_is_not_recorded(
    warehouse: LocalWarehouse, days: list[str], action: Action, first: list[Action]
) -> None:
    for kind in first:
        do(warehouse, action=kind, run_id="before")
    rows = kinds(warehouse)
    assert "this is so already" in do(warehouse, action=action)
    assert kinds(warehouse) == rows


def test_a_hold_with_a_target_is_a_mistake(warehouse: LocalWarehouse, days: list[str]) -> None:
    with pytest.raises(OperationError, match="which moves nobody"):
        plan(warehouse, days[0], "hold")
