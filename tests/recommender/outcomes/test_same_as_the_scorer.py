"""On a year of a real web shop, what is measured "held for 7 days" equals the fixed offline scorer on the same rows."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from include.recommender.outcomes.steps import measure_outcomes
from include.recommender.settings import RecommenderSettings
from include.recommender.tables import EVENTS
from tests.recommender.outcomes.published_world import outcomes, publish, run_for
from tests.simulated_home import PROJECT

if TYPE_CHECKING:
    from types import ModuleType

    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

# Beside the checkout, or beside the folder that it is in.
PLACES = [folder / "shared" / "data" for folder in PROJECT.parents]
DATA = next((place for place in PLACES if (place / "score.py").is_file()), PLACES[0])
SHOP, SCORER = DATA / "online_retail", DATA / "score.py"
CUT_OFFS = [date(2011, 9, 5), date(2011, 9, 26), date(2011, 10, 10), date(2011, 11, 7), date(2011, 11, 28)]
WEEK = timedelta(days=7)
PEERS = {"for_you": ("repeat", "own_history_repeat"), "discover": ("new", "ease_new")}
METRICS = ("ndcg@10", "recall@20", "hitrate@10", "map@10")
pytestmark = pytest.mark.skipif(
    not SCORER.is_file(), reason="the data of the web shop lie in shared/data beside the checkout, or not at all"
)


@pytest.fixture
def shop(workspace: Recommender) -> Recommender:
    return replace(workspace, settings=RecommenderSettings(business={"positive_event_types": ["purchase"]}))


def scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offline_scorer", SCORER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def landed(workspace: Recommender, until: date) -> pd.DataFrame:
    """The shop's events before a date, as the ingest would have them; returned as the scorer reads them."""
    events = pd.read_parquet(SHOP / "events.parquet")
    events["occurred_at"] = pd.to_datetime(events["occurred_at"], utc=True)
    events["event_date"] = events["occurred_at"].dt.date
    events = events[events["event_date"] < until].reset_index(drop=True)
    rows = events.assign(
        arrival_date=events["event_date"] + timedelta(days=1), row_id=[str(n) for n in events.index], event_id=None
    )
    table = pa.Table.from_pandas(rows[list(EVENTS.columns)], schema=EVENTS.schema, preserve_index=False)
    workspace.warehouse.replace(EVENTS, {"event_date": sorted(set(events["event_date"]))}, table)
    return events


def peer_lists() -> dict[str, pd.DataFrame]:
    return {surface: pd.read_parquet(SHOP / "peers" / f"{name}.parquet") for surface, (_, name) in PEERS.items()}


def as_published(surface: str, day: date, lists: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "as_of_date": day, "surface": surface, "user_id": row.user_id, "rank": int(row.rank),
            "item_id": row.item_id, "score": 1.0, "sources": ["x"], "fallback_reason": None,
            "model_version": "baseline/peer", "arm": None if row.user_id == "*" else "baseline",
        }
        for row in lists[lists["as_of_date"] == str(day)].itertuples(index=False)
    ]  # fmt: skip


@pytest.mark.integration
def test_held_for_7_days_equals_the_offline_scorer_to_5_decimals(shop: Recommender) -> None:
    events, lists, score = landed(shop, CUT_OFFS[-1] + WEEK), peer_lists(), scorer()
    for day in CUT_OFFS:
        publish(shop, day, [row for surface, rows in lists.items() for row in as_published(surface, day, rows)])
        assert measure_outcomes(run_for(day + WEEK), shop)
    for surface, (variant, _) in PEERS.items():
        for day in CUT_OFFS:
            asked = (events, lists[surface], [str(day)], 7, ["purchase"], variant, 2, 1)
            expected = score.evaluate(*asked, populations=("all",))["all"]
            whole = {"surface": surface, "arm": "", "model_version": "", "dimension": "all"}
            found = {row["metric"]: row for row in outcomes(shop, day + WEEK, **whole)}
            assert {row["users"] for row in found.values()} == {expected["rows"]}
            assert expected["rows"] > 250
            means = {metric: round(row["mean"], 5) for metric, row in found.items()}
            assert means == {metric: expected[metric]["mean"] for metric in METRICS}, (surface, day)
