"""Items snapshots, and how pictures live."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from include.demo.catalogue import Catalogue
from include.demo.photo_service import PhotoService
from include.demo.shelf import Shelf
from include.demo.simulator import SimulatedDay


def _snapshot(day: SimulatedDay) -> pd.DataFrame:
    items: pd.DataFrame = day.items.to_pandas()
    return items.set_index("item_id")


def test_a_snapshot_holds_only_what_was_created_before_its_date(days: list[SimulatedDay]) -> None:
    for day in days:
        assert _snapshot(day)["created_at"].dt.date.max() < day.arrival_date


def test_a_snapshot_keeps_earlier_items_and_adds_the_newborn(service: PhotoService, days: list[SimulatedDay]) -> None:
    first, last = _snapshot(days[0]), _snapshot(days[-1])
    assert last.index.is_unique
    assert last.index[: len(first)].equals(first.index)
    births = (len(last) - len(first)) / (service.days - 1)
    assert births == pytest.approx(service.births_per_day, rel=0.35)


def test_descriptions_never_change(days: list[SimulatedDay]) -> None:
    first, last = (_snapshot(day)[["category", "title", "created_at"]] for day in (days[0], days[-1]))
    pd.testing.assert_frame_equal(first, last.loc[first.index])


def test_some_pictures_get_deleted_and_stay_deleted(days: list[SimulatedDay]) -> None:
    gone: set[str] = set()
    for day in days:
        active = _snapshot(day)["is_active"]
        assert gone <= set(active.index[~active])
        gone = set(active.index[~active])
    assert 0 < len(gone) < 0.25 * days[-1].items.num_rows


def test_nobody_opens_a_picture_before_its_upload_or_after_its_deletion(
    days: list[SimulatedDay], events: pd.DataFrame
) -> None:
    created = events["item_id"].map(_snapshot(days[-1])["created_at"])
    assert (events["occurred_at"] >= created).all()
    for yesterday, today in pairwise(days):
        active = _snapshot(yesterday)["is_active"]
        assert active[today.events["item_id"].to_pylist()].all()


def test_a_snapshot_leaves_out_later_uploads_already_known(service: PhotoService) -> None:
    catalogue = Catalogue(service)
    catalogue.upload(0)
    assert catalogue.snapshot(0).num_rows == service.items
    assert catalogue.snapshot(1).num_rows == len(catalogue) > service.items


def test_titles_name_their_category(days: list[SimulatedDay]) -> None:
    items = _snapshot(days[-1])
    assert all(category in title for category, title in zip(items["category"], items["title"], strict=True))
    assert items["title"].nunique() > 100


def test_a_picture_rises_then_fades(service: PhotoService) -> None:
    catalogue = Catalogue(service)
    catalogue.upload(0)
    newborn = catalogue.pictures.born_on == 0
    alive = newborn & np.isinf(np.where(catalogue.pictures.deleted_on > 60, np.inf, 0))
    pull = np.array([catalogue.pull(day)[alive].sum() for day in range(61)])
    peak = int(pull.argmax())
    assert alive.any()
    assert pull[0] == 0
    assert 3 <= peak <= 17
    assert (np.diff(pull[: peak + 1]) > 0).all()
    assert pull[60] < 0.5 * pull[peak]


def test_the_shelf_draws_by_pull_and_within_the_cell() -> None:
    cell_of, pull = np.array([1, 0, 1, 0]), np.array([3.0, 0.0, 1.0, 5.0])
    shelf = Shelf(cell_of, pull, cells=3)
    drawn = shelf.pick(np.random.default_rng(1), np.ones(4_000, dtype=np.int64))
    assert set(drawn) == {0, 2}
    assert (drawn == 0).mean() == pytest.approx(0.75, abs=0.04)
    assert set(shelf.pick(np.random.default_rng(1), np.zeros(100, dtype=np.int64))) == {3}


def test_an_empty_cell_falls_back_on_everything() -> None:
    shelf = Shelf(np.array([0, 1]), np.array([1.0, 1.0]), cells=3)
    assert set(shelf.pick(np.random.default_rng(1), np.full(100, 2))) == {0, 1}
