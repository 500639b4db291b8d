"""What the demo's runs came to: verdicts, contenders, publications, and one user's list with titles."""

from __future__ import annotations

import json
import os
from itertools import product
from typing import TYPE_CHECKING, Any

from rich.table import Column
from rich.table import Table as RichTable

from include.recommender.current import current_user_recommendations
from include.recommender.evaluation import CHALLENGER
from include.recommender.evaluation_rows import EVERYBODY
from include.recommender.settings import SURFACES
from include.recommender.statistics import items_snapshot
from include.recommender.tables import ITEMS, USER_ITEMS
from include.recommender.workspace import open_recommender
from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import as_of_date_of, read_switch_log
from include.retraining.quality.verdict import read_results, verdict_of
from include.retraining.tables import EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from rich.console import Console

    from include.retraining.warehouse.protocol import Warehouse

METRIC = "ndcg@10"


def print_summary(home: Path, environment: Mapping[str, str], console: Console) -> None:
    """Print what the warehouse under `home` holds."""
    os.environ.update({name: environment[name] for name in ("HIGAWARI_HASH_KEY", "MLFLOW_TRACKING_URI")})
    os.environ["HIGAWARI_HOME"] = str(home)
    warehouse = open_recommender().warehouse
    publications = warehouse.read(PUBLICATIONS).to_pylist()
    console.print(_runs(warehouse, publications))
    console.print(_contenders(warehouse, [row["as_of_date"] for row in publications]))
    if publications:
        console.print(_a_users_list(warehouse))


def _runs(warehouse: Warehouse, publications: list[dict[str, Any]]) -> RichTable:
    log = read_switch_log(warehouse)
    served = [f"{surface} served by" for surface in SURFACES]
    # Whole, to be copied into a form.
    publication = Column("publication", no_wrap=True)
    table = RichTable("as of", "data", *served, publication, "status", "rows", title="Publications")
    for row in publications:
        verdict = verdict_of(read_results(warehouse, row["as_of_date"], "inputs"))
        status = status_of(log, row["publication_id"], row["check_result"])
        rows = sum(json.loads(row["row_counts"]).values())
        models = json.loads(row["model_versions"])
        served_by = [models[surface] for surface in SURFACES]
        table.add_row(str(row["as_of_date"]), verdict, *served_by, row["publication_id"], status, f"{rows:,}")
    return table


def _contenders(warehouse: Warehouse, dates: list[date]) -> RichTable:
    table = RichTable("as of", "surface", "contender", f"{METRIC} [95 %]", "decision", title="On the evaluated weeks")
    for day, surface in product(dates, SURFACES):
        where = {"as_of_date": day, "surface": surface}
        (decision,) = warehouse.read(PROMOTION_DECISIONS, {**where, "kind": "decided"}).to_pylist()[-1:]
        overall = {**where, "metric": METRIC, "versus": "", "segment": EVERYBODY}
        for row in sorted(warehouse.read(EVALUATION_RESULTS, overall).to_pylist(), key=lambda row: -row["mean"]):
            said = f"{decision['choice']}: {'; '.join(decision['reasons'])}" if row["contender"] == CHALLENGER else ""
            interval = f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
            table.add_row(str(day), surface, row["contender"], interval, said)
    return table


def _a_users_list(warehouse: Warehouse) -> RichTable:
    """The list of the user with most pairs: somebody whose taste one can see."""
    day = as_of_date_of(read_switch_log(warehouse).current or "")
    users = warehouse.read(USER_ITEMS, {"as_of_date": day}, ["user_id"])["user_id"].value_counts().to_pylist()
    user = max(users, key=lambda row: (row["counts"], row["values"]))["values"]
    snapshot = {"snapshot_date": items_snapshot(warehouse, day, day)}
    items = {row["item_id"]: row for row in warehouse.read(ITEMS, snapshot).to_pylist()}
    table = RichTable("rank", "picture", "category", "proposed by", title=f"What user {user} gets")
    for row in current_user_recommendations(warehouse, user, "for_you").slice(0, 10).to_pylist():
        item = items[row["item_id"]]
        table.add_row(str(row["rank"]), item["title"], item["category"], ", ".join(row["sources"]))
    return table
