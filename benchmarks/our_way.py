"""What the script of benchmarks/pandas_way.py does, by the steps of the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import pandas_way
from benchmarks.scale_step import Site, Spent, run_step

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from include.recommender.settings import RecommenderSettings
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace

SURFACE = "for_you"
STEPS = ("build_item_stats", "build_user_stats", "build_user_items", "build_item_similarities")


def same_work() -> dict[str, str]:
    """Settings that switch off what the script does not do."""
    from include.recommender.sources import SOURCE_NAMES

    caps = dict(
        zip(pandas_way.SCORES, (pandas_way.OWN_HISTORY, pandas_way.ITEM_KNN, pandas_way.POPULARITY), strict=True)
    )
    return {
        **{f"HIGAWARI_CANDIDATES__{name.upper()}": str(caps.get(name, 0)) for name in SOURCE_NAMES},
        "HIGAWARI_CANDIDATES__FOR_YOU_SHARE": "1",
        "HIGAWARI_LISTS__SIMILAR_METHOD": '["cosine"]',
        # One value each: there is nothing to choose.
        "HIGAWARI_LISTS__POPULARITY_DAYS": "[28]",
        "HIGAWARI_LISTS__FALLBACK": '["own_history"]',
        "HIGAWARI_EASE__REGULARISATION": "[10]",
        "HIGAWARI_SIMILARITIES__NEIGHBOURS": str(pandas_way.NEIGHBOURS),
        "HIGAWARI_SIMILARITIES__MIN_USERS": str(pandas_way.MIN_USERS),
        "HIGAWARI_SIMILARITIES__HALF_LIFE_DAYS": str(pandas_way.SIMILARITY_HALF_LIFE),
        "HIGAWARI_SIMILARITIES__ITEMS_PER_USER": str(pandas_way.PAIRS_PER_USER),
    }


def measure_our_way(site: Site, out: Path) -> dict[str, Spent]:
    """Events to candidates in a Parquet file, each step a process of its own; the site has the settings same_work()."""
    run_step(site, "include.recommender.pipeline:choose_parameters")
    spent = {name: run_step(site, f"include.recommender.pipeline:{name}") for name in STEPS}
    spent["candidates"] = run_step(site, "benchmarks.our_way:write_candidates", out=str(out))
    return spent


def write_candidates(run: Run, workspace: Workspace[RecommenderSettings], out: str) -> int:
    """Propose for every user, as many blocks at once as production does, and write what the script writes."""
    import numpy as np
    import pyarrow as pa

    from include.recommender.candidates import Proposer, blocks_of
    from include.recommender.parallel import parallel_map
    from include.recommender.serving import serving_snapshot
    from include.recommender.tuning import tuned

    settings = tuned(workspace.warehouse, workspace.settings, run.as_of_date)
    snapshot = serving_snapshot(workspace, settings, run.as_of_date)
    ids = [pa.array(of, pa.string()) for of in (snapshot.user_ids, snapshot.item_ids)]
    to = pandas_way.CandidateFile(Path(out), *ids)

    proposer = Proposer(snapshot, settings, (SURFACE,))

    def candidates_of(block: NDArray[np.int64]) -> pa.RecordBatch:
        found = proposer.of_block(block)[SURFACE]
        return to.batch(found.user, found.item, [found.scores[name] for name in pandas_way.SCORES])

    blocks = blocks_of(np.arange(snapshot.shape[0]), settings)
    for batch in parallel_map(candidates_of, blocks, settings.training.threads):
        to.add(batch)
    to.close()
    return to.rows
