"""How a run ended, in a few lines for its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.recommender.settings import SURFACES
from include.recommender.source_report import idle_sources
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.quality.verdict import read_results, verdict_of
from include.retraining.tables import DATA_QUALITY_RESULTS, EVALUATION_RESULTS, PROMOTION_DECISIONS, PUBLICATIONS

if TYPE_CHECKING:
    from include.recommender.settings import RecommenderSettings
    from include.retraining.run import Run
    from include.retraining.workspace import Workspace


def announcement(workspace: Workspace[RecommenderSettings], run: Run) -> str:
    """Data verdict, decisions, sources that brought nothing, publication of the date, and what readers see."""
    where = {"as_of_date": run.as_of_date}
    checked = workspace.warehouse.read(DATA_QUALITY_RESULTS, {**where, "stage": "inputs"}).num_rows > 0
    verdict = verdict_of(read_results(workspace.warehouse, run.as_of_date, "inputs")) if checked else "not checked"
    decisions = workspace.warehouse.read(PROMOTION_DECISIONS, {**where, "kind": "decided"}).to_pylist()
    publications = workspace.warehouse.read(PUBLICATIONS, where).to_pylist()
    idle = {
        surface: idle_sources(workspace.warehouse.read(EVALUATION_RESULTS, {**where, "surface": surface}))
        for surface in SURFACES
    }
    log = read_switch_log(workspace.warehouse)
    return "\n".join(
        [
            f"as_of_date {run.as_of_date} ({run.why})",
            f"input data: {verdict}",
            *(
                f"{row['surface']}: {row['choice']} {row['model_version']}: {'; '.join(row['reasons'])}"
                for row in decisions
            ),
            *(
                f"{surface}: nothing that anybody wanted came from {', '.join(names)}; 0 in [candidates] saves its time"
                for surface, names in idle.items()
                if names
            ),
            *(
                f"publication {row['publication_id']} (check {row['check_result']}): {row['row_counts']}"
                for row in publications
            ),
            f"readers see {log.current or 'nothing'}",
        ]
    )
