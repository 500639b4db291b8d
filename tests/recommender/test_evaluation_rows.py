"""Measurements become rows, weeks pooled; rows become the evidence that the policy reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from include.recommender.baselines import baselines_of
from include.recommender.evaluation import CHALLENGER, CHAMPION, FOR_EVERYBODY, Results
from include.recommender.evaluation_rows import EVERYBODY, NO_HISTORY, evidence_from, result_rows
from include.recommender.metrics import PER_USER
from include.recommender.settings import RecommenderSettings
from include.recommender.source_report import SourceReport
from include.retraining.content_hash import content_hash
from include.retraining.promotion.paired_bootstrap import Interval, bootstrap_mean
from include.retraining.promotion.policy import decide
from include.retraining.settings import Promotion
from include.retraining.tables import EVALUATION_RESULTS
from tests.recommender.small_world import DAY, days_ago

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    Key = tuple[str, str, str, str]

SURFACE, METRIC = "for_you", "ndcg@10"
POLICY = Promotion(bootstrap_samples=200)
HOLDOUT, BEFORE = days_ago(7), days_ago(14)
LABELS = {CHALLENGER: "recommender_for_you/8", CHAMPION: "recommender_for_you/3"}


def frame(values: Mapping[str, float]) -> pd.DataFrame:
    """Every metric of each user is the same number, but map@10 is half of it."""
    table = pd.DataFrame(dict.fromkeys(PER_USER, values), index=list(values))
    table["map@10"] /= 2
    return table


def segments(activity: Mapping[str, str | None]) -> pd.DataFrame:
    users = list(activity)
    return pd.DataFrame(
        {
            "activity": [activity[user] for user in users],
            "newness": ["new users" if user == "ann" else "known users" for user in users],
            "category": [None if user == "cid" else "cat" for user in users],
        },
        index=users,
    )


def measured() -> Results:
    """Two weeks: ann and bob in both, cid in the first, dan in the second; the champion in the later one only."""
    results = Results()
    results.per_user = {
        CHALLENGER: {
            HOLDOUT: frame({"ann": 0.9, "bob": 0.5, "dan": 0.1}),
            BEFORE: frame({"ann": 0.7, "bob": 0.3, "cid": 0.2}),
        },
        CHAMPION: {HOLDOUT: frame({"ann": 0.6, "bob": 0.6})},
        "recent_popularity": {
            HOLDOUT: frame({"ann": 0.1, "bob": 0.1, "dan": 0.1}),
            BEFORE: frame({"ann": 0.0, "bob": 0.1, "cid": 0.2}),
        },
        "own_history": {
            HOLDOUT: frame({"ann": 0.4, "bob": 0.2, "dan": 0.0}),
            BEFORE: frame({"ann": 0.2, "bob": 0.2, "cid": 0.2}),
        },
        FOR_EVERYBODY: {HOLDOUT: frame({"eve": 0.4}), BEFORE: frame({"fay": 0.0, "gus": 0.2})},
    }
    for name in (CHALLENGER, "recent_popularity", "own_history"):
        results.overall[name] = {
            HOLDOUT: {"coverage@20": 0.4, "novelty@20": 5.0},
            BEFORE: {"coverage@20": 0.2, "novelty@20": 6.0},
        }
    results.overall[CHAMPION] = {HOLDOUT: {"coverage@20": 0.5, "novelty@20": 4.0}}
    results.segments = {
        HOLDOUT: segments({"ann": "1 event", "bob": "2-9 events", "dan": "2-9 events"}),
        BEFORE: segments({"ann": "1 event", "bob": "1 event", "cid": "2-9 events"}),
    }
    results.sources = SourceReport(6, 10, {"source:rising": 2}, {"source:rising": 1}, {"source:rising": 30})
    return results


def rows_of(results: Results, policy: Promotion = POLICY) -> pa.Table:
    return result_rows(results, LABELS, DAY, SURFACE, RecommenderSettings(promotion=policy))


def indexed(rows: pa.Table) -> dict[Key, dict[str, Any]]:
    found = {(row["contender"], row["versus"], row["segment"], row["metric"]): row for row in rows.to_pylist()}
    assert len(found) == rows.num_rows
    return found


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return rows_of(measured())


@pytest.fixture(scope="module")
def rows(table: pa.Table) -> dict[Key, dict[str, Any]]:
    return indexed(table)


def test_rows_fit_the_table_and_say_of_what_they_are(table: pa.Table) -> None:
    assert table.schema.equals(EVALUATION_RESULTS.schema)
    found = table.to_pylist()
    assert {(row["as_of_date"], row["surface"], row["wanted"]) for row in found} == {(DAY, SURFACE, "any event")}
    assert {row["contender"]: row["model_version"] for row in found if row["model_version"]} == LABELS
    assert {row["contender"] for row in found if not row["model_version"]} == {
        *baselines_of(SURFACE), FOR_EVERYBODY, "source:rising",
    }  # fmt: skip


def test_a_mean_is_over_all_users_of_all_weeks_and_its_interval_draws_users_not_weeks(
    rows: dict[Key, dict[str, Any]],
) -> None:
    row = rows[CHALLENGER, "", EVERYBODY, METRIC]
    users = np.array(["ann", "bob", "cid", "ann", "bob", "dan"])
    expected = bootstrap_mean(np.array([0.7, 0.3, 0.2, 0.9, 0.5, 0.1]), 200, POLICY.seed, users)
    assert Interval(row["mean"], row["low"], row["high"], row["users"]) == expected
    assert expected.mean == pytest.approx(0.45)
    assert expected.users == 4
    assert rows[CHALLENGER, "", EVERYBODY, "map@10"]["mean"] == pytest.approx(0.225)


def test_differences_are_paired_by_week_and_user(rows: dict[Key, dict[str, Any]]) -> None:
    gains = {"own_history": (0.5 + 0.3 + 0.1 + 0.5 + 0.1 + 0.0) / 6, CHAMPION: (0.3 - 0.1) / 2}
    for versus, gain in gains.items():
        assert rows[CHALLENGER, versus, EVERYBODY, METRIC]["mean"] == pytest.approx(gain)
        assert rows[CHALLENGER, versus, EVERYBODY, "map@10"]["mean"] == pytest.approx(gain / 2)
    against_champion = rows[CHALLENGER, CHAMPION, EVERYBODY, METRIC]
    # Of two users one gains 0.3 and one loses 0.1: those are the ends of what drawing them can give.
    assert (against_champion["low"], against_champion["high"], against_champion["users"]) == (
        pytest.approx(-0.1), pytest.approx(0.3), 2,
    )  # fmt: skip
    assert {key[1] for key in rows if key[0] == CHALLENGER} == {"", CHAMPION, *baselines_of(SURFACE)}


def test_every_week_and_segment_has_the_metric_of_the_policy(rows: dict[Key, dict[str, Any]]) -> None:
    means = {
        segment: rows[CHALLENGER, "own_history", segment, METRIC]["mean"]
        for contender, versus, segment, metric in rows
        if (contender, versus, metric) == (CHALLENGER, "own_history", METRIC)
    }
    assert means == pytest.approx(
        {
            EVERYBODY: 0.25,
            f"week {BEFORE}": (0.5 + 0.1 + 0.0) / 3,
            f"week {HOLDOUT}": (0.5 + 0.3 + 0.1) / 3,
            # A user is in the segment of the week: bob had one event when the first began.
            "1 event": (0.5 + 0.1 + 0.5) / 3,
            "2-9 events": (0.0 + 0.3 + 0.1) / 3,
            "new users": 0.5,
            "known users": (0.1 + 0.0 + 0.3 + 0.1) / 4,
            "category: cat": (0.5 + 0.1 + 0.5 + 0.3 + 0.1) / 5,
        }
    )
    of_segments = {metric for _, _, segment, metric in rows if segment not in (EVERYBODY, NO_HISTORY)}
    assert of_segments == {METRIC}
    assert rows[CHALLENGER, "own_history", "known users", METRIC]["users"] == 3


def test_the_list_for_everybody_is_in_a_segment_of_its_own_and_compared_with_nothing(
    rows: dict[Key, dict[str, Any]],
) -> None:
    own = {key: row for key, row in rows.items() if FOR_EVERYBODY in key[:2]}
    assert own.keys() == {(FOR_EVERYBODY, "", NO_HISTORY, metric) for metric in PER_USER}
    row = own[FOR_EVERYBODY, "", NO_HISTORY, METRIC]
    assert (row["mean"], row["users"]) == (pytest.approx(0.2), 3)


def test_without_anybody_new_there_is_no_row_of_the_list_for_everybody() -> None:
    results = measured()
    del results.per_user[FOR_EVERYBODY]
    assert not [key for key in indexed(rows_of(results)) if FOR_EVERYBODY in key]


def test_coverage_and_novelty_are_means_of_the_weeks(rows: dict[Key, dict[str, Any]]) -> None:
    for name, metric, mean in (
        (CHALLENGER, "coverage@20", 0.3),
        (CHALLENGER, "novelty@20", 5.5),
        (CHAMPION, "coverage@20", 0.5),
    ):
        row = rows[name, "", EVERYBODY, metric]
        assert [row[column] for column in ("mean", "low", "high")] == pytest.approx([mean] * 3)


def test_differences_of_coverage_and_novelty_are_of_the_weeks_that_both_have(
    rows: dict[Key, dict[str, Any]],
) -> None:
    for versus, metric, difference, users in (
        (CHAMPION, "coverage@20", -0.1, 2),
        (CHAMPION, "novelty@20", 1.0, 2),
        ("own_history", "novelty@20", 0.0, 4),
    ):
        row = rows[CHALLENGER, versus, EVERYBODY, metric]
        assert [row[column] for column in ("mean", "low", "high")] == pytest.approx([difference] * 3)
        assert row["users"] == users


def test_what_the_sources_brought_is_kept_beside(rows: dict[Key, dict[str, Any]]) -> None:
    found = {metric: rows[name, "", part, metric]["mean"] for name, _, part, metric in rows if name == "source:rising"}
    assert found == {"candidate_recall": 0.2, "candidate_recall_alone": 0.1, "candidates_per_user": 5.0}


def test_rule_3_the_same_measurements_give_the_same_rows(table: pa.Table) -> None:
    assert content_hash(EVALUATION_RESULTS, rows_of(measured())) == content_hash(EVALUATION_RESULTS, table)
    other = measured()
    other.per_user = {name: dict(reversed(weeks.items())) for name, weeks in reversed(other.per_user.items())}
    assert content_hash(EVALUATION_RESULTS, rows_of(other)) == content_hash(EVALUATION_RESULTS, table)


def test_evidence_takes_the_best_baseline_and_both_comparisons(
    table: pa.Table, rows: dict[Key, dict[str, Any]]
) -> None:
    evidence = evidence_from(table, SURFACE, POLICY)
    assert (evidence.best_baseline, evidence.baseline_mean) == ("own_history", pytest.approx(0.2))
    assert evidence.over_baseline.mean == rows[CHALLENGER, "own_history", EVERYBODY, METRIC]["mean"]
    assert evidence.over_champion is not None
    assert (evidence.over_champion.mean, evidence.over_champion.users) == (pytest.approx(0.1), 2)
    assert evidence.weeks == 2


def test_guardrails_compare_coverage_and_novelty_on_the_weeks_of_the_champion() -> None:
    """A week before the champion could be measured says nothing of what readers see now, or would see."""
    results = measured()
    results.overall[CHALLENGER][BEFORE] = {"coverage@20": 0.0, "novelty@20": 0.0}
    evidence = evidence_from(rows_of(results), SURFACE, POLICY)
    assert evidence.coverage == pytest.approx({CHALLENGER: 0.4, CHAMPION: 0.5})
    assert evidence.novelty == pytest.approx({CHALLENGER: 5.0, CHAMPION: 4.0})
    assert not [reason for reason in decide(evidence, POLICY).reasons if "shows" in reason.split(":")[0]]


def test_a_coverage_that_was_not_compared_allows_nothing(table: pa.Table) -> None:
    """Results written before the differences were: the policy takes such a challenger for one that shows no item."""
    old = table.filter((pc.field("metric") != "coverage@20") | (pc.field("versus") == ""))
    evidence = evidence_from(old, SURFACE, POLICY)
    assert evidence.coverage == {CHAMPION: 0.5}
    assert any(reason.startswith("shows too few items: coverage 0.000") for reason in decide(evidence, POLICY).reasons)


def test_segments_are_compared_with_the_one_in_office(table: pa.Table) -> None:
    """With a champion: over the users and weeks it was measured on. Weeks are no groups of users."""
    found = {part.name: part for part in evidence_from(table, SURFACE, POLICY).segments}
    assert found.keys() == {"1 event", "2-9 events", "new users", "known users", "category: cat"}
    assert found["known users"].difference.mean == pytest.approx(-0.1)
    assert found["known users"].mean == pytest.approx(0.6)
    assert found["category: cat"].difference.users == 2


def test_without_a_champion_the_best_baseline_is_in_office() -> None:
    results = measured()
    del results.per_user[CHAMPION], results.overall[CHAMPION]
    evidence = evidence_from(rows_of(results), SURFACE, POLICY)
    assert evidence.over_champion is None
    found = {part.name: part for part in evidence.segments}
    assert found["known users"].difference.mean == pytest.approx((0.1 + 0.0 + 0.3 + 0.1) / 4)
    assert found["known users"].mean == pytest.approx((0.2 + 0.2 + 0.2 + 0.0) / 4)
    assert CHAMPION not in evidence.coverage


def test_evidence_follows_the_metric_of_the_policy() -> None:
    policy = POLICY.model_copy(update={"metric": "map@10"})
    evidence = evidence_from(rows_of(measured(), policy), SURFACE, policy)
    assert (evidence.over_baseline.mean, evidence.baseline_mean) == (pytest.approx(0.125), pytest.approx(0.1))
    assert {part.name: part.difference.mean for part in evidence.segments}["known users"] == pytest.approx(-0.05)


def test_on_discover_recent_popularity_is_the_only_baseline(table: pa.Table) -> None:
    evidence = evidence_from(table, "discover", POLICY)
    assert (evidence.best_baseline, evidence.baseline_mean) == ("recent_popularity", pytest.approx(0.1))
    assert evidence.over_baseline.mean == pytest.approx(0.35)
