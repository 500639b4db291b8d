"""The daily steps without Airflow, for past dates: `python -m include.recommender.backtest --help`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.recommender import pipeline
from include.recommender.settings import SURFACES, RecommenderSettings
from include.retraining.errors import HigawariError, StepSkipped
from include.retraining.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from include.retraining.workspace import Workspace


def run_day(run: Run, workspace: Workspace[RecommenderSettings]) -> dict[str, Any]:
    """Every step of the DAG for one date, in its order, in this process; returns what `stage` returned."""
    pipeline.check_settings(run, workspace)
    pipeline.ingest(run, workspace)
    pipeline.check_inputs(run, workspace)
    pipeline.decide_data_verdict(run, workspace)
    versions = pipeline.build_item_stats(run, workspace)
    pipeline.build_user_stats(run, workspace)
    pipeline.build_user_items(run, workspace)
    pipeline.choose_parameters(run, workspace)
    similarities = pipeline.build_item_similarities(run, workspace)
    decisions = _decisions(run, workspace)
    rankers = pipeline.choose_rankers(run, workspace, decisions, similarities)
    for shard in range(workspace.settings.publication.shards):
        pipeline.score_users(run, workspace, shard, rankers)
    pipeline.build_popular_items(run, workspace)
    pipeline.build_similar_items(run, workspace)
    staged = pipeline.stage(run, workspace)
    pipeline.check_publication(run, workspace, staged, rankers, versions)
    pipeline.switch_current(run, workspace, staged)
    try:
        pipeline.verify_current(run, workspace, staged)
    except StepSkipped as skipped:
        print(f"{run.as_of_date}: {skipped}", file=sys.stderr)
    for surface, decision in decisions.items():
        try:
            pipeline.record_champion(run, workspace, surface, staged, decision)
        except StepSkipped as skipped:
            print(f"{run.as_of_date}: {surface}: {skipped}", file=sys.stderr)
    return staged


def _decisions(run: Run, workspace: Workspace[RecommenderSettings]) -> dict[str, dict[str, str] | None]:
    try:
        pipeline.build_training_set(run, workspace)
        pipeline.check_training_set(run, workspace)
    except StepSkipped as skipped:
        print(f"{run.as_of_date}: no training: {skipped}", file=sys.stderr)
        return dict.fromkeys(SURFACES)
    return {surface: _decision(run, workspace, surface) for surface in SURFACES}


def _decision(run: Run, workspace: Workspace[RecommenderSettings], surface: str) -> dict[str, str]:
    challenger = pipeline.train_challenger(run, workspace, surface)
    pipeline.evaluate(run, workspace, surface, challenger)
    return pipeline.decide_promotion(run, workspace, surface, challenger)


@dataclass(frozen=True)
class Options:
    """The command line."""

    source: Path
    as_of_dates: list[date]
    out: Path
    list_size: int
    positive: tuple[str, ...]
    keep: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Backtest the given dates and write one file per surface."""
    options = _options(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="higawari-backtest-") as scratch:
            home = options.keep or Path(scratch)
            with own_environment(home, options):
                backtest(options)
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def backtest(options: Options) -> None:
    """Ingest the source, run each date, write `out/<surface>.parquet`."""
    from include.recommender.history import land_history
    from include.recommender.tables import RECOMMENDER_TABLES
    from include.retraining.landing import LandingZone
    from include.retraining.settings import load_settings
    from include.retraining.tables import MACHINERY_TABLES
    from include.retraining.workspace import open_workspace

    settings = load_settings(RecommenderSettings)
    workspace = open_workspace(settings, (*RECOMMENDER_TABLES, *MACHINERY_TABLES))
    days = land_history(options.source, LandingZone(settings.storage.landing_folder), settings)
    print(f"landed {len(days)} days, {days[0]} to {days[-1]}", file=sys.stderr)
    for as_of_date in options.as_of_dates:
        run_day(Run(as_of_date, f"backtest_{as_of_date}", "backtest"), workspace)
        print(pipeline.announce_run(Run(as_of_date, "", "backtest"), workspace), file=sys.stderr)
    write_lists(workspace, options)


def write_lists(workspace: Workspace[RecommenderSettings], options: Options) -> None:
    """One file per surface with user_id, item_id, rank, as_of_date of every date's last staged publication."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    options.out.mkdir(parents=True, exist_ok=True)
    for surface in SURFACES:
        parts = [_lists(workspace, day, surface) for day in options.as_of_dates]
        pq.write_table(pa.concat_tables(parts), options.out / f"{surface}.parquet")
        print(options.out / f"{surface}.parquet")


def _lists(workspace: Workspace[RecommenderSettings], as_of_date: date, surface: str) -> pa.Table:
    """From the drafts: a kept warehouse may hold older publications of the same date."""
    from include.recommender.serving import drafted_lists

    return drafted_lists(workspace, as_of_date, surface).select(["user_id", "item_id", "rank", "as_of_date"])


@contextmanager
def own_environment(home: Path, options: Options) -> Iterator[None]:
    """A backtest has its own folders, registry and hash key, and never touches the daily ones."""
    (home / "mlflow").mkdir(parents=True, exist_ok=True)
    own = {
        "HIGAWARI_HOME": str(home),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow/mlflow.db",
        "HIGAWARI_HASH_KEY": os.environ.get("HIGAWARI_HASH_KEY") or secrets.token_hex(32),
        "HIGAWARI_PUBLICATION__LIST_SIZE": str(options.list_size),
        "HIGAWARI_PUBLICATION__SHARDS": "1",
        # Nobody is there to be asked.
        "HIGAWARI_PROMOTION__APPROVAL": "never",
        # What is judged is the ranker: everybody gets it.
        "HIGAWARI_EXPERIMENT__HOLD_BACK_SHARE": "0",
    }
    if options.positive:
        own["HIGAWARI_BUSINESS__POSITIVE_EVENT_TYPES"] = json.dumps(options.positive)
    before = dict(os.environ)
    os.environ.update(own)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m include.recommender.backtest", description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder with events.* and items.*")
    parser.add_argument("--as-of", type=_dates, required=True, help="dates, comma-separated: 2011-09-05,2011-09-26")
    parser.add_argument("--out", type=Path, required=True, help="where <surface>.parquet goes")
    parser.add_argument("--k", type=int, default=100, help="length of the lists (default 100)")
    parser.add_argument("--positive", type=_names, default=(), help="event types a user wants (default: all)")
    parser.add_argument("--keep", type=Path, help="keep warehouse and models in this folder")
    parsed = parser.parse_args(arguments)
    return Options(parsed.source, sorted(set(parsed.as_of)), parsed.out, parsed.k, parsed.positive, parsed.keep)


def _dates(text: str) -> list[date]:
    try:
        dates = [date.fromisoformat(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"dates like 2011-09-05,2011-09-26, not {text!r}") from error
    if not dates:
        raise argparse.ArgumentTypeError("one date at least")
    return dates


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


if __name__ == "__main__":
    sys.exit(main())
