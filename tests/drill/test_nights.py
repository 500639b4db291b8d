from __future__ import annotations

from collections import Counter

import pytest

from drill.blows import Blow
from drill.control import depths
from drill.kinds import KINDS, kind_of
from drill.nights import Task, missing, plan_nights


def test_nothing_is_left_out(tasks: list[Task]) -> None:
    assert plan_nights(tasks).missing == []


def test_what_is_left_out_is_told(tasks: list[Task]) -> None:
    blows = [blow for night in plan_nights(tasks).planned.values() for blow in night]
    without_ingest = [blow for blow in blows if not (blow.task_id == "check_data.ingest" and blow.fault != "timeout")]
    assert missing(tasks, without_ingest) == [
        "ingest: full disk", "ingest: exception", "check_data.ingest: kill -9",
    ]  # fmt: skip


def test_every_task_and_shard_is_killed_in_one_night(tasks: list[Task]) -> None:
    kills = [blow for blow in plan_nights(tasks).planned["killed"] if blow.fault == "kill -9"]
    everything = {(task.task_id, index) for task in tasks for index in task.maps}
    assert {(blow.task_id, blow.map_index) for blow in kills} == everything
    assert len(kills) == len(everything)
    assert {blow.moment for blow in kills} == {"start", "write", "end"}


@pytest.mark.parametrize("night", ["killed", "healed"])
def test_tries_that_fail_follow_one_another_and_leave_one_to_succeed(tasks: list[Task], night: str) -> None:
    retries = {task.task_id: task.retries for task in tasks}
    failing: dict[str, list[int]] = {}
    for blow in plan_nights(tasks).planned[night]:
        failing.setdefault(blow.instance, []).extend(blow.tries)
    for instance, numbers in failing.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), instance
        assert len(numbers) <= max(retries[instance.partition("[")[0]], 1), instance


def test_each_kind_has_one_fault_that_outlasts_its_retries_in_the_order_of_the_dag(tasks: list[Task]) -> None:
    blows = plan_nights(tasks).planned["outlasting"]
    assert Counter(kind_of(blow.task_id).name for blow in blows) == Counter(
        kind.name for kind in KINDS if kind.outlasting
    )
    assert all(blow.tries == () for blow in blows)
    assert {blow.fault for blow in blows} == {"kill -9", "exception", "timeout", "full disk", "MLflow unreachable"}
    assert blows[-1].task_id == "announce_run"
    order = [task.task_id for task in tasks]
    struck = [order.index(blow.task_id) for blow in blows[:-1]]
    assert struck == sorted(struck)


def test_a_part_of_the_drill(tasks: list[Task]) -> None:
    def planned(*words: str) -> list[tuple[str, str, str]]:
        nights = plan_nights(tasks, words).planned
        return [(name, blow.instance, blow.fault) for name, blows in nights.items() for blow in blows]

    assert planned("stage") == [
        ("outlasting", "publish.stage", "full disk"),
        ("killed", "publish.stage", "kill -9"),
        ("killed", "publish.stage", "timeout"),
        ("healed", "publish.stage", "full disk"),
        ("healed", "publish.stage", "exception"),
    ]
    assert {fault for _, _, fault in planned("MLflow unreachable")} == {"MLflow unreachable"}
    assert {night for night, _, _ in planned("outlasting")} == {"outlasting"}
    assert planned("nonsense") == []


def test_a_blow_is_for_one_try_of_one_shard_or_for_all_tries() -> None:
    once = Blow("publish.score_users", 1, (2,), "exception")
    assert once.instance == "publish.score_users[1]"
    assert once.strikes("publish.score_users", 1, 2)
    assert not once.strikes("publish.score_users", 1, 1)
    assert not once.strikes("publish.score_users", 0, 2)
    assert Blow("publish.stage", -1, (), "exception").strikes("publish.stage", -1, 7)


def test_tasks_are_as_deep_as_their_longest_way() -> None:
    assert depths({"a": ["b", "d"], "b": ["c"], "c": ["d"], "d": []}) == {"a": 0, "b": 1, "c": 2, "d": 3}
