"""What a run chooses from short lists, by past weeks that end before any evaluated one."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from include.recommender.tables import CHOSEN_PARAMETERS
from include.recommender.training_set import Targets
from include.recommender.tuning import TRIALS, choose, choose_parameters, next_covisits, tuned
from include.retraining.errors import TrainingDataError
from tests.recommender.small_world import (
    DAY,
    catalogue,
    days_ago,
    event,
    random_catalogue,
    random_events,
    snapshot_from,
    warehouse_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Snapshot
    from include.retraining.warehouse.local import LocalWarehouse
    from tests.recommender.small_world import Rows

    Rounds = list[dict[str, Any]]
    ChooseIn = Callable[..., dict[tuple[str, Any], dict[str, Any]]]

EVENTS = random_events(seed=71, count=600, users=20, items=25, days=70)
# With the default settings, three weeks are evaluated; the latest week to choose by is 28 to 22 days ago.
FIRST, LAST = 28, 22


def scores(*values: float) -> np.ndarray:
    return np.array(values)


def test_the_best_is_chosen_where_it_surely_beats_the_first() -> None:
    assert choose({"a": scores(0.1, 0.2, 0.3), "b": scores(0.3, 0.4, 0.4), "c": scores(0.1, 0.3, 0.3)}) == "b"


@pytest.mark.parametrize(("shift", "chosen"), [(0.01, "b"), (-0.01, "a")])
def test_the_first_stands_unless_it_loses_by_more_than_a_standard_error(shift: float, chosen: str) -> None:
    """Differences of 0 and 1: their mean is 0.5, and so is its standard error."""
    assert choose({"a": scores(0, 0), "b": scores(shift, 1 + shift)}) == chosen


def test_users_who_differ_do_not_hide_a_difference_that_all_of_them_show() -> None:
    assert choose({"a": scores(0, 0.9, 0, 0.9), "b": scores(0.01, 0.91, 0.01, 0.91)}) == "b"


def test_the_first_stands_where_the_best_is_unsure_even_if_another_is_surely_better() -> None:
    unsure, surely = scores(1, 0, 0, 0), scores(0.1, 0.1, 0.1, 0.1)
    assert choose({"a": scores(0, 0, 0, 0), "b": unsure, "c": surely}) == "a"
    assert choose({"a": scores(0, 0, 0, 0), "c": surely}) == "c"


def test_of_equally_good_ones_the_earlier_is_chosen() -> None:
    assert choose({"a": scores(0, 0), "b": scores(1, 1), "c": scores(1, 1)}) == "b"
    assert choose({"a": scores(1, 1), "b": scores(1, 1)}) == "a"


@pytest.mark.parametrize("users", [0, 1])
def test_the_first_stands_where_there_is_too_little_to_choose_by(users: int) -> None:
    assert choose({"a": np.zeros(users), "b": np.ones(users)}) == "a"


@pytest.fixture
def choose_in(tmp_path: Path, settings: RecommenderSettings) -> ChooseIn:
    """Rows of CHOSEN_PARAMETERS by parameter and value."""

    def rows_of(
        events: Rows, items: Rows, own: RecommenderSettings = settings
    ) -> dict[tuple[str, Any], dict[str, Any]]:
        table = choose_parameters(warehouse_of(tmp_path, events, items), own, DAY)
        assert table.schema.equals(CHOSEN_PARAMETERS.schema)
        return {(row["parameter"], json.loads(row["value"])): row for row in table.to_pylist()}

    return rows_of


def chosen_of(rows: dict[tuple[str, Any], dict[str, Any]]) -> dict[str, Any]:
    chosen = {parameter: value for (parameter, value), row in rows.items() if row["chosen"]}
    assert sum(row["chosen"] for row in rows.values()) == len(chosen)
    return chosen


def test_every_value_of_every_short_list_is_tried_and_one_of_each_chosen(
    choose_in: ChooseIn, settings: RecommenderSettings
) -> None:
    rows = choose_in(EVENTS, random_catalogue(25))
    expected = {
        "ease.regularisation": settings.ease.regularisation, "lists.popularity_days": settings.lists.popularity_days,
        "lists.fallback": settings.lists.fallback, "lists.similar_method": settings.lists.similar_method,
    }  # fmt: skip
    assert expected.keys() == TRIALS.keys()
    assert list(rows) == [(parameter, value) for parameter in TRIALS for value in expected[parameter]]
    assert chosen_of(rows).keys() == TRIALS.keys()
    assert {row["as_of_date"] for row in rows.values()} == {DAY}
    for parameter, (metric, _) in TRIALS.items():
        own = [row for (name, _), row in rows.items() if name == parameter]
        assert {row["metric"] for row in own} == {metric}
        assert len({row["users"] for row in own}) == 1
        assert len({row["mean"] for row in own}) > 1
        assert all(0 <= row["mean"] < 1 for row in own)


@pytest.mark.parametrize(
    "change",
    [{"training": {"threads": 1}}, {"candidates": {"user_block": 3}}, {"candidates": {"for_you_share": 0.05}}],
    ids=str,
)
def test_rule_3_neither_threads_nor_blocks_of_users_nor_how_many_are_ranked_change_the_choice(
    choose_in: ChooseIn, settings_with: Callable[..., RecommenderSettings], change: dict[str, Any]
) -> None:
    usual = choose_in(EVENTS, random_catalogue(25))
    assert choose_in(EVENTS, random_catalogue(25), settings_with(**change)) == usual


def test_rule_2_nothing_of_an_evaluated_week_has_a_say(choose_in: ChooseIn) -> None:
    before = [row for row in EVENTS if row["event_date"] < days_ago(LAST - 1)]
    assert 100 < len(before) < len(EVENTS)
    assert choose_in(before, random_catalogue(25)) == choose_in(EVENTS, random_catalogue(25))


@pytest.mark.parametrize(("weeks", "users"), [(1, 2), (2, 3)])
def test_the_weeks_to_choose_by_end_where_the_earliest_evaluated_one_begins(
    choose_in: ChooseIn, settings_with: Callable[..., RecommenderSettings], weeks: int, users: int
) -> None:
    events = [event(user, "a", 60) for user in ("first", "last", "later", "earlier")]
    wanted = {"first": FIRST, "last": LAST, "later": LAST - 1, "earlier": FIRST + 1}
    events += [event(user, "b", age) for user, age in wanted.items()]
    rows = choose_in(events, catalogue("ab"), settings_with(tuning={"weeks": weeks}))
    assert {row["users"] for row in rows.values()} == {users}


def test_without_past_weeks_the_first_of_each_list_stands(choose_in: ChooseIn, settings: RecommenderSettings) -> None:
    rows = choose_in([event("ann", "a", 3)], catalogue("a"))
    assert {(row["users"], row["mean"]) for row in rows.values()} == {(0, None)}
    assert chosen_of(rows) == {
        "ease.regularisation": settings.ease.regularisation[0],
        "lists.popularity_days": settings.lists.popularity_days[0],
        "lists.fallback": settings.lists.fallback[0],
        "lists.similar_method": settings.lists.similar_method[0],
    }


def test_where_users_come_back_to_their_own_items_the_fallback_is_their_history(
    choose_in: ChooseIn, settings_with: Callable[..., RecommenderSettings]
) -> None:
    """Six users, each with an item that nobody else touches: history is always right, popularity mostly wrong."""
    events = [event(f"u{n}", f"i{n}", age) for n in range(6) for age in (60 + n, 40, 30, 25)]
    popular_first = settings_with(lists={"fallback": ["recent_popularity", "own_history"]})
    rows = choose_in(events, catalogue([f"i{n}" for n in range(6)]), popular_first)
    assert chosen_of(rows)["lists.fallback"] == "own_history"
    own, common = (rows["lists.fallback", name] for name in ("own_history", "recent_popularity"))
    assert (own["mean"], own["users"]) == (1, 12)
    assert common["mean"] == pytest.approx(np.mean(1 / np.log2(np.arange(2, 8))))


def test_values_are_tried_on_lists_as_long_as_published(
    choose_in: ChooseIn, settings_with: Callable[..., RecommenderSettings]
) -> None:
    """The same users, and one place: popularity is right for one of the six."""
    events = [event(f"u{n}", f"i{n}", age) for n in range(6) for age in (60 + n, 40, 30, 25)]
    rows = choose_in(events, catalogue([f"i{n}" for n in range(6)]), settings_with(publication={"list_size": 1}))
    assert rows["lists.fallback", "recent_popularity"]["mean"] == pytest.approx(1 / 6)
    assert rows["lists.fallback", "own_history"]["mean"] == 1


def test_where_users_never_come_back_the_fallback_is_popularity(choose_in: ChooseIn) -> None:
    """Everybody wants the hit of the day, and has seen something of their own before."""
    events = [event(f"u{n}", f"i{n}", 60) for n in range(6)] + [event(f"fan{n}", "hit", 36) for n in range(3)]
    events += [event(f"u{n}", "hit", 25) for n in range(6)]
    rows = choose_in(events, catalogue(["hit", *(f"i{n}" for n in range(6))]))
    assert chosen_of(rows)["lists.fallback"] == "recent_popularity"
    assert rows["lists.fallback", "recent_popularity"]["mean"] == 1
    assert rows["lists.fallback", "own_history"]["mean"] == pytest.approx(1 / math.log2(3))


def test_where_tastes_change_by_the_week_popularity_looks_back_no_further(choose_in: ChooseIn) -> None:
    """Of five users all had touched one item three weeks ago and two another lately; all then want the latter."""
    events = [event(f"u{n}", "old", FIRST + 20) for n in range(5)] + [
        event(f"u{n}", "new", FIRST + 1) for n in range(2)
    ]
    events += [event(f"u{n}", "new", 25) for n in range(5)]
    rows = choose_in(events, catalogue(["old", "new"]))
    means = {value: row["mean"] for (name, value), row in rows.items() if name == "lists.popularity_days"}
    # A week earlier two of the five wanted `new`, which nobody had touched yet.
    known = rows["lists.popularity_days", 28]["users"]
    assert known == 7
    assert means == pytest.approx({28: 5 / math.log2(3) / 7, 7: 5 / 7, 3: 5 / 7, 1: 5 / 7})
    assert chosen_of(rows)["lists.popularity_days"] == 7


@pytest.fixture
def four_users(tmp_path: Path, settings: RecommenderSettings) -> Snapshot:
    """The last day of ann: a and b; of bob: c, which is like nothing; of cid and dan: a. f is inactive."""
    events = [event("ann", item, 3) for item in "ab"] + [event("ann", "c", 9), event("bob", "c", 2)]
    events += [event("cid", "a", 4), event("dan", "a", 4), *(event("ann", item, 30) for item in "def")]
    items = [*catalogue("abcde"), *catalogue("f", is_active=False)]
    return with_similar(
        snapshot_from(tmp_path, events, items, settings),
        {("a", "f"): 0.95, ("a", "d"): 0.9, ("a", "e"): 0.5, ("a", "b"): 0.4, ("b", "e"): 0.8, ("d", "c"): 0.7},
    )


def with_similar(snapshot: Snapshot, alike: dict[tuple[str, str], float]) -> Snapshot:
    place = {item: at for at, item in enumerate(snapshot.item_ids)}
    matrix = np.zeros((len(place), len(place)))
    for (item, similar), score in alike.items():
        matrix[place[item], place[similar]] = score
    return replace(snapshot, similarities={"cosine": sparse.csr_matrix(matrix)})


def wanted_by(snapshot: Snapshot, wanted: dict[str, tuple[str, int]]) -> Targets:
    """Known items wanted, and how many in all, by user."""
    users, place = snapshot.user_ids.tolist(), {item: at for at, item in enumerate(snapshot.item_ids)}
    keys = [users.index(user) * len(place) + place[item] for user, (items, _) in wanted.items() for item in items]
    order = sorted(wanted, key=users.index)
    counts = np.array([wanted[user][1] for user in order])
    return Targets(np.sort(np.array(keys)), np.array([users.index(user) for user in order]), counts)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # a -> d and b -> e: ann's one finds one of two wanted, so does the other; cid wanted e and two unknown things.
        (1, {"ann": (1 / 2 + 1 / 2) / 2, "bob": 0, "cid": 0}),
        # a -> d, e and b -> e.
        (2, {"ann": (2 / 2 + 1 / 2) / 2, "bob": 0, "cid": 1 / 3}),
    ],
)
def test_similar_items_are_as_good_as_they_foretell_what_users_touch_after_their_last_day(
    four_users: Snapshot, size: int, expected: dict[str, float]
) -> None:
    """Neighbours that may not be shown take no place; what users touched earlier is not asked; dan wanted nothing."""
    targets = wanted_by(four_users, {"ann": ("de", 2), "bob": ("d", 1), "cid": ("e", 3)})
    found = next_covisits(four_users, targets, "cosine", size)
    assert dict(zip(four_users.user_ids[targets.users], found, strict=True)) == pytest.approx(expected)


def test_a_last_day_without_anything_positive_foretells_nothing(
    tmp_path: Path, settings_with: Callable[..., RecommenderSettings]
) -> None:
    likes_only = settings_with(business={"positive_event_types": ["like"]})
    events = [event("ann", "a", 3), event("bob", "a", 3), event("bob", "b", 9, event_type="like")]
    events += [event("cid", item, 40, event_type="like") for item in "ab"]
    snapshot = with_similar(snapshot_from(tmp_path, events, catalogue("ab"), likes_only), {("a", "b"): 0.9})
    assert next_covisits(snapshot, wanted_by(snapshot, {"ann": ("b", 1), "bob": ("b", 1)}), "cosine", 5).tolist() == [
        0,
        0,
    ]
    assert next_covisits(snapshot, wanted_by(snapshot, {"cid": ("b", 1)}), "cosine", 5).tolist() == [0.5]
    views_only = {**snapshot.pairs, "events": np.zeros(len(snapshot.pair_user))}
    nothing = replace(snapshot, pairs=views_only)
    assert next_covisits(nothing, wanted_by(snapshot, {"cid": ("b", 1)}), "cosine", 5).tolist() == [0]


CHOSEN: dict[str, Any] = {
    "ease.regularisation": 3.0, "lists.popularity_days": 7, "lists.fallback": "recent_popularity",
    "lists.similar_method": "basket",
}  # fmt: skip


def write_choice(warehouse: LocalWarehouse, chosen: dict[str, Any], days_back: int = 0) -> None:
    rows = []
    for parameter, value in chosen.items():
        row = {"as_of_date": days_ago(days_back), "parameter": parameter, "metric": "ndcg@10", "mean": 0.1, "users": 9}
        rows.append(row | {"value": json.dumps(value), "chosen": True})
        rows.append(row | {"value": json.dumps("another"), "chosen": False})
    table = pa.Table.from_pylist(rows, schema=CHOSEN_PARAMETERS.schema)
    warehouse.replace(CHOSEN_PARAMETERS, {"as_of_date": days_ago(days_back)}, table)


def test_tuned_settings_hold_what_the_run_of_the_date_chose(
    warehouse: LocalWarehouse, settings: RecommenderSettings
) -> None:
    write_choice(warehouse, CHOSEN)
    write_choice(warehouse, CHOSEN | {"lists.popularity_days": 1}, days_back=1)
    found = tuned(warehouse, settings, DAY)
    assert (found.ease.regularisation, found.lists.popularity_days) == ((3.0,), (7,))
    assert (found.lists.fallback, found.lists.similar_method) == (("recent_popularity",), ("basket",))
    assert tuned(warehouse, settings, days_ago(1)).lists.popularity_days == (1,)
    # Nothing else changes, and choosing again among one changes nothing.
    short = {"ease": settings.ease, "lists": settings.lists}
    assert found.model_copy(update=short) == settings
    assert found.ease.neighbours == settings.ease.neighbours
    assert tuned(warehouse, found, DAY) == found


def test_what_was_chosen_is_what_settings_are_tuned_to(
    warehouse: LocalWarehouse, settings: RecommenderSettings, tmp_path: Path
) -> None:
    table = choose_parameters(warehouse_of(tmp_path, EVENTS, random_catalogue(25)), settings, DAY)
    warehouse.replace(CHOSEN_PARAMETERS, {"as_of_date": DAY}, table)
    found = tuned(warehouse, settings, DAY)
    chosen = {row["parameter"]: json.loads(row["value"]) for row in table.to_pylist() if row["chosen"]}
    for parameter, value in chosen.items():
        section, key = parameter.split(".")
        assert getattr(getattr(found, section), key) == (value,)
    assert type(found)(**found.model_dump()) == found


@pytest.mark.parametrize("missing", [["lists.fallback"], list(CHOSEN)], ids=["one", "all"])
def test_settings_cannot_be_tuned_without_a_choice(
    warehouse: LocalWarehouse, settings: RecommenderSettings, missing: list[str]
) -> None:
    write_choice(warehouse, CHOSEN, days_back=1)
    if rest := {name: value for name, value in CHOSEN.items() if name not in missing}:
        write_choice(warehouse, rest)
    with pytest.raises(TrainingDataError, match=f"a choice of {', '.join(sorted(missing))} for {DAY}"):
        tuned(warehouse, settings, DAY)
