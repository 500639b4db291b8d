"""What a person reads who is asked: the evidence in words, and when nobody is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.recommender.approval import why_nobody_is_asked
from include.recommender.approval_request import Request, question_of
from include.recommender.evaluation_rows import evidence_from
from include.recommender.list_changes import ListChanges, compared
from include.retraining.promotion.approval import Answer
from include.retraining.promotion.decisions import DecidedChallenger, record_answer
from include.retraining.publication.switch_log import append_switch, read_switch_log
from include.retraining.run import Run
from include.retraining.settings import Promotion
from tests.recommender.small_world import DAY, days_ago, evaluation_rows

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

RUN = Run(DAY, "run-1", "scheduled")
PUBLISHED = f"{DAY}-0123456789ab"
ASK = {"choice": "ask", "decision_id": "d1", "model": "recommender_for_you/3", "best_baseline": "own_history"}
PROMOTION = Promotion()


def request(champion_gain: float | None = 0.01, **changes: object) -> Request:
    rows = evaluation_rows(
        DAY, 0.05, champion_gain, segments={"new users": -0.01, "1 event": 0.02, "category: a|*b*": -0.005}
    )
    whole = Request(
        surface="for_you",
        as_of_date=DAY,
        model="recommender_for_you/3",
        mlflow_run="0123abcd",
        evidence=evidence_from(rows, "for_you", PROMOTION),
        rows=rows,
        reasons=("a person is always asked (promotion.approval = always)",),
        promotion=PROMOTION,
        changes=ListChanges(500, 0.4, 0.25),
        closes_at=datetime(2026, 5, 1, 17, tzinfo=UTC),
        champion=champion_gain is not None,
    )
    return replace(whole, **changes)


def test_the_question_says_until_when_and_for_which_lists() -> None:
    assert question_of(request()).subject == "May the new ranker make the lists of for_you? Until 2026-05-01 17:00 UTC"


def test_the_body_has_the_evidence_in_words() -> None:
    body = question_of(request()).body
    for said in (
        f"Readers have their lists of {DAY} already, made by the ranker in use. Nothing is late.",
        "It is **better than the ranker in use**: NDCG@10 +5.0%, with 95 % certainty between +4.5% and +5.5%.",
        "It is **better than the rule “what you turned to before”**: NDCG@10 +25.0%",
        "- a person is always asked (promotion.approval = always)",
        "| metric | the new ranker | the ranker in use | the rule “what you turned to before” | what it says |",
        "| NDCG@10 | +0.010 (+0.009 to +0.011) | +0.050 (+0.049 to +0.051) |",
        "Judged on 100 people in 2 weeks.",
        "**40%** would find another item in the first place",
        "**25%** would be others",
        "nothing until **2026-05-01 17:00 UTC**",
        "Model `recommender_for_you/3`, MLflow run `0123abcd`",
    ):
        assert said in body


def test_who_loses_is_named_and_text_from_data_stays_text() -> None:
    body = question_of(request()).body
    assert "| new users | 100 | 0.200 | -0.010 (-0.011 to -0.009) |" in body
    assert "category: a\\|\\*b\\*" in body
    assert "Sure among all that are compared (3, Holm's correction): new users, category: a|\\*b\\*." in body
    assert "| 1 event |" not in body
    assert (
        "No group of people surely loses."
        in question_of(request(evidence=replace(request().evidence, segments=()))).body
    )


def test_without_a_champion_the_best_rule_makes_the_lists() -> None:
    body = question_of(request(None, changes=None)).body
    assert "made by the rule “what you turned to before”" in body
    assert "the ranker in use" not in body
    assert "Not known" in body


def lists(**items: list[str]) -> pa.Table:
    rows = [
        {"user_id": user, "rank": rank, "item_id": item}
        for user, of in items.items()
        for rank, item in enumerate(of, 1)
    ]
    return pa.Table.from_pylist(rows)


def test_changes_are_those_of_users_with_a_list_in_both() -> None:
    before = lists(a=["x", "y"], b=["x", "y"], gone=["x"]).append_column("score", pa.array([0.0] * 5))
    after = lists(a=["x", "z"], b=["y", "x"], new=["z"])
    assert compared(before, after) == ListChanges(users=2, first_place=0.5, others=0.25)
    assert compared(lists(a=["x"]), lists(b=["x"])) is None


def nobody(warehouse: LocalWarehouse, run: Run = RUN, **changes: str) -> str | None:
    return why_nobody_is_asked(run, warehouse, "for_you", PUBLISHED, ASK | changes)


def publish(warehouse: LocalWarehouse, publication_id: str) -> None:
    append_switch(warehouse, read_switch_log(warehouse), publication_id, "publish", "test", "", "run-1")


def test_a_run_whose_lists_readers_see_asks_once(warehouse: LocalWarehouse) -> None:
    publish(warehouse, PUBLISHED)
    assert nobody(warehouse) is None
    challenger = DecidedChallenger("for_you", ASK["model"], "", "own_history", "sha")
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    record_answer(warehouse, RUN, challenger, "d1", Answer("timed_out", "nobody", at))
    assert nobody(warehouse) is None
    record_answer(warehouse, RUN, challenger, "d1", Answer("rejected", "hana", at))
    assert nobody(warehouse) == "rejected by hana at 2026-05-01 12:00 UTC"
    assert nobody(warehouse, decision_id="of other data") is None


@pytest.mark.parametrize(
    ("run", "choice", "says"),
    [
        (RUN, "promote", "the policy decided: promote"),
        (RUN, "keep", "the policy decided: keep"),
        (replace(RUN, why="backfill"), "ask", "a backfill asks nobody"),
        (replace(RUN, approval="skip"), "ask", "asked not to ask"),
    ],
)
def test_who_asks_nobody(warehouse: LocalWarehouse, run: Run, choice: str, says: str) -> None:
    publish(warehouse, PUBLISHED)
    assert says in str(nobody(warehouse, run, choice=choice))


def test_rule_5_a_run_asks_nobody_while_readers_see_other_lists(warehouse: LocalWarehouse) -> None:
    """An older date, a hold, a publication that was taken away, a run that only stages."""
    assert "readers see other lists" in str(nobody(warehouse))
    publish(warehouse, f"{days_ago(-1)}-0123456789ab")
    assert "readers see other lists" in str(nobody(warehouse))
