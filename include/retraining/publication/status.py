"""The status of a publication, derived from the switches log and never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from include.retraining.publication.switch_log import SwitchLog

Status = Literal["staged", "current", "superseded", "rolled_back", "rejected"]


def status_of(log: SwitchLog, publication_id: str, check_result: str = "pass") -> Status:
    """What became of a publication."""
    if log.current == publication_id:
        return "current"
    if publication_id in log.rolled_back:
        return "rolled_back"
    if left_by := log.left_by.get(publication_id):
        return "rejected" if left_by == "auto_revert" else "superseded"
    return "rejected" if check_result == "stop" else "staged"
