"""What a decision's pictures show: who was measured on fewer weeks says so, and no group that loses is left out."""

from __future__ import annotations

from include.ui.evaluations import Measured, metrics_of, segments_of


def row(contender: str, segment: str, mean: float, versus: str = "", users: int = 10) -> Measured:
    return Measured(contender, versus, segment, "ndcg@10", mean, mean - 0.01, mean + 0.01, users)


def test_who_was_measured_on_fewer_weeks_says_so() -> None:
    rows = [row("champion", "all", 0.32), row("challenger", "all", 0.30), row("champion", "week 2026-01-01", 0.32)]
    rows += [row("challenger", f"week 2026-01-{day}", 0.3) for day in ("01", "08", "15")]
    assert [each.name for each in metrics_of(rows, "ndcg@10")] == ["champion, 1 of 3 weeks", "challenger"]


def test_without_weeks_there_is_nothing_to_say() -> None:
    assert [each.name for each in metrics_of([row("own_history", "all", 0.2)], "ndcg@10")] == ["own history"]


def test_groups_that_surely_lose_are_shown_however_small() -> None:
    rows = [row("challenger", f"group {number}", 0.0, "champion", 100 - number) for number in range(20)]
    rows += [row("challenger", "losers", -0.2, "champion", 1), row("challenger", "week 2026-01-01", -0.5, "champion")]
    shown, groups = segments_of(rows, "ndcg@10", "champion", most=3)
    assert [each.name for each in shown] == ["group 0", "group 1", "losers"]
    assert groups == 21
