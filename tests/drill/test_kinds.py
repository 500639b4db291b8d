from __future__ import annotations

import pytest

from drill.kinds import KINDS, kind_of
from drill.nights import Task
from drill.outlasting import runbook_sections
from include.embedded.errors import EmbeddedAirflowError


def test_every_task_is_of_one_kind(tasks: list[Task]) -> None:
    assert {kind_of(task.task_id).name for task in tasks} >= {kind.name for kind in KINDS} - {"approve"}


def test_a_task_that_nobody_has_thought_about_is_an_error() -> None:
    with pytest.raises(EmbeddedAirflowError, match=r"build_nothing in one kind of drill/kinds\.py"):
        kind_of("build_nothing")


def test_the_runbook_has_the_section_of_every_task(tasks: list[Task]) -> None:
    sections = runbook_sections()
    for task in tasks:
        for fault in ("exception", "MLflow unreachable"):
            assert kind_of(task.task_id).section_for(task.task_id, fault) in sections


def test_sections_are_the_step_or_the_error() -> None:
    assert kind_of("publish.stage").section_for("publish.stage", "full disk") == "stage"
    assert kind_of("record_champions.discover").section_for("record_champions.discover", "timeout") == "record_champion"
    assert kind_of("choose_rankers").section_for("choose_rankers", "MLflow unreachable") == "registry-error"
