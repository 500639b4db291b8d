from __future__ import annotations

from dataclasses import replace

from drill.inbox import Message
from drill.report import Row, misses_of, summary, table

HEALED = Row("kill -9", False, "build", "build_features.build_user_stats", None, "2026-01-30, whole", "by a retry")
LASTING = Row("timeout", True, "stage", "publish.stage", 12.4, "2026-01-30, whole", "by clearing the task")


def test_the_table_has_a_row_for_each_fault_and_kind() -> None:
    lines = table([LASTING, HEALED, replace(HEALED, where="build_features.build_user_items")]).splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == [
        "fault", "kind of task", "where", "alert after", "readers meanwhile", "recovered",
    ]  # fmt: skip
    assert set(lines[1]) == {"|", "-"}
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells == [
        ["kill -9", "build", "2 tasks", "no alert", "2026-01-30, whole", "by a retry"],
        ["timeout, every try", "stage", "publish.stage", "12 s", "2026-01-30, whole", "by clearing the task"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_a_row_tells_itself_in_a_line() -> None:
    assert str(LASTING) == "timeout, publish.stage: alert after 12 s; as it should be"
    assert str(replace(HEALED, misses=("a", "b"))) == "kill -9, build_features.build_user_stats: no alert; a; b"


def test_a_miss_shows_in_the_table_and_is_told_in_words() -> None:
    missed = replace(HEALED, misses=("it never struck",))
    assert "MISSED" in table([missed])
    assert misses_of([HEALED, missed]) == ["kill -9, build_features.build_user_stats: it never struck"]
    assert summary([HEALED, missed, LASTING]) == "3 faults, 1 missed; 1 alerts, half of them within 12 s"
    assert summary([HEALED]) == "1 faults, 0 missed; no alert"


def test_a_message_is_read_by_its_lines() -> None:
    message = Message("[page] a: b", "[page] a: b\n\nFailed: c\nRunbook: d#e\n1. c\n  Runbook: f", 0.0)
    assert (message.severity, message.line("Failed"), message.line("Runbook"), message.line("Log")) == (
        "page", "c", "d#e", "",
    )  # fmt: skip
    assert Message("no severity", "", 0.0).severity == "none"
