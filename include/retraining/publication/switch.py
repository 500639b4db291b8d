"""Move the pointer to a publication, where the rules allow it, and take it back where readers get something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.retraining.errors import PublicationVerifyError
from include.retraining.publication.complete import complete_counts
from include.retraining.publication.live_views import views_differ
from include.retraining.publication.stage import publication_hash
from include.retraining.publication.status import status_of
from include.retraining.publication.switch_log import append_switch, as_of_date_of, read_switch_log, show_current
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from include.retraining.publication.switch_log import SwitchLog
    from include.retraining.run import Run
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.warehouse.table import Table


@dataclass(frozen=True)
class SwitchResult:
    """Whether readers see the publication now, and why (not)."""

    is_current: bool
    why: str


def switch_current(warehouse: Warehouse, run: Run, publication_id: str, after_rollback: str) -> SwitchResult:
    """Point readers to the publication unless a rule forbids it (rules 4 and 5). A repeated call adds nothing."""
    log = read_switch_log(warehouse)
    if log.current == publication_id:
        show_current(warehouse)
        return SwitchResult(True, "readers see it already")
    if forbidden := why_not(log, run, publication_id, after_rollback):
        return SwitchResult(False, f"staged only: {forbidden}")
    append_switch(warehouse, log, publication_id, "publish", run.why, run.reason or "daily publication", run.run_id)
    return SwitchResult(True, f"readers were moved from {log.current or 'nothing'}")


def why_not(log: SwitchLog, run: Run, publication_id: str, after_rollback: str) -> str | None:
    """The rule that keeps a run from moving the pointer, in words; None where it may."""
    if run.publish == "stage_only":
        return "the run was asked to stage only"
    if log.newest_date and as_of_date_of(publication_id) < log.newest_date:
        return f"{run.as_of_date} is older than {log.newest_date}, the newest date ever published"
    if log.is_held(after_rollback):
        return "publishing is on hold after a rollback, until an operator releases it"
    if publication_id in log.rolled_back:
        return "this very publication was rolled back"
    return None


def refuse_rejected(warehouse: Warehouse, publication_id: str) -> None:
    """Raise PublicationVerifyError for a publication that was taken back from readers by itself.

    Without it, a second try of the verification would find another publication current and call this one staged.
    """
    if status_of(read_switch_log(warehouse), publication_id) == "rejected":
        raise PublicationVerifyError(
            f"{publication_id} not to have been taken back", "an auto_revert of it", "clear stage and what follows it"
        )


def verify_current(
    warehouse: Warehouse, run: Run, publication_id: str, content_hash: str, read_back: Mapping[Table, pa.Table]
) -> None:
    """Compare what readers get with what was staged; switch back and raise PublicationVerifyError if it differs.

    `read_back` are the published tables as read through the reader's path, blocked items included. Where readers query
    views, those must show what the log names too. A publication out of which people were erased since has another hash:
    then its rows are counted.
    """
    found = publication_hash(read_back)
    log = read_switch_log(warehouse)
    astray = views_differ(warehouse, log.pointer)
    intact = found == content_hash or _lacks_forgotten_only(warehouse, publication_id, read_back)
    if (intact and not astray) or log.current != publication_id or log.last_move is None:
        return
    previous = log.last_move.from_publication_id
    append_switch(warehouse, log, previous, "auto_revert", run.why, "readers did not get what was staged", run.run_id)
    got = "views that show something else" if astray else f"content {found[:12]}"
    raise PublicationVerifyError(
        f"readers of {publication_id} to get content {content_hash[:12]}",
        f"{got}; readers are back on {previous or 'nothing'}",
        "check the storage, then clear stage and what follows it",
    )


def _lacks_forgotten_only(warehouse: Warehouse, publication_id: str, read_back: Mapping[Table, pa.Table]) -> bool:
    """Whether rows of people who were forgotten since are all that is missing."""
    for publication in warehouse.read(PUBLICATIONS, {"publication_id": publication_id}).to_pylist():
        complete = complete_counts(warehouse, publication)
        were_erased = any(len(counts) > 1 for counts in complete.values())
        return were_erased and all(rows.num_rows in complete[table.name] for table, rows in read_back.items())
    return False
