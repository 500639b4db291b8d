"""Every publication that was checked, and what became of each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from include.retraining.publication.history import read_history
from tests.retraining.publishing import publish, stage_lists

if TYPE_CHECKING:
    from include.retraining.warehouse.local import LocalWarehouse

DAY, NEXT = date(2026, 1, 10), date(2026, 1, 11)


def test_publications_are_told_newest_first_with_what_became_of_them(warehouse: LocalWarehouse) -> None:
    first, _ = publish(warehouse, DAY, 3)
    second, _ = publish(warehouse, NEXT, 4)
    history = read_history(warehouse)
    told = [(each.publication_id, each.status) for each in history.publications]
    assert told == [(second.publication_id, "current"), (first.publication_id, "superseded")]
    assert history.dates == [NEXT, DAY]
    assert [switch.number for switch in history.switches_of(first.publication_id)] == [2, 1]
    found = history.find(second.publication_id)
    assert found is not None
    assert (found.model_versions, found.row_counts["user_recommendations"]) == ({"for_you": "ranker/1"}, 4)
    assert history.find("nothing") is None


def test_of_a_publication_that_was_checked_again_the_last_check_counts(warehouse: LocalWarehouse) -> None:
    stage_lists(warehouse, DAY, 3, "stop")
    assert [each.status for each in read_history(warehouse).publications] == ["rejected"]
    stage_lists(warehouse, DAY, 3, "warn")
    assert [(each.status, each.check_result) for each in read_history(warehouse).of_date(DAY)] == [("staged", "warn")]
