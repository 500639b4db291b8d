"""An alert: what failed, since when, what readers see, what it means, what to do first, and where to read on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.retraining.alerting.masking import masked

if TYPE_CHECKING:
    from datetime import datetime

    from include.retraining.run import Run
    from include.retraining.settings import Severity

Kind = Literal[
    "run_failed", "publication_late", "run_notices", "approval_requested", "approval_timed_out", "recovered",
    "drift_persists", "model_differs", "costs_of_week",
    "channel_broken", "channel_test", "outcome_notices",
]  # fmt: skip
SUBJECT_LENGTH = 78  # of a mail; a phone shows the first 40
ERROR_LENGTH = 1500
TOLD_TASKS = 5
SAID_NOTHING = "no error was recorded: it was killed, or the warehouse could not take its error (is the disk full?)"


@dataclass(frozen=True)
class FailedTask:
    """A task that failed by itself. One that was killed left no error, nor did one whose disk was full."""

    name: str
    impact: str
    first_action: str
    runbook: str
    log: str
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class Alert:
    """One message about one run. `readers` is what users see now; `fingerprint` tells a repetition from news."""

    severity: Severity
    kind: Kind
    run: Run
    headline: str
    readers: str
    impact: str
    first_action: str
    runbook: str
    log: str
    since: datetime
    failed: tuple[FailedTask, ...] = ()
    details: tuple[str, ...] = ()
    page: str = ""

    @property
    def subject(self) -> str:
        """One line, short enough for a phone: how bad, which DAG and date, what."""
        line = masked(f"[{self.severity}] {self.run.dag_id} {self.run.as_of_date}: {self.headline}")
        return line if len(line) <= SUBJECT_LENGTH else f"{line[: SUBJECT_LENGTH - 3]}..."

    @property
    def fingerprint(self) -> str:
        """Equal for alerts that say the same: the same tasks with the same errors, as bad as before."""
        said = [
            self.severity,
            self.kind,
            *sorted(f"{task.name} {task.error}" for task in self.failed),
            *sorted(self.details),
        ]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The whole message as plain text, without what looks like a secret."""
        parts = [
            self.subject,
            "",
            *([f"Failed: {', '.join(task.name for task in self.failed)}"] if self.failed else []),
            f"Since: {self.since:%Y-%m-%d %H:%M} UTC",
            f"Now: {self.readers}",
            f"Impact: {self.impact}",
            f"First action: {self.first_action}",
            f"Runbook: {self.runbook}",
            f"Log: {self.log}",
            *([f"Page: {self.page}"] if self.page else []),
            f"Run: {self.run.run_id} ({self.run.why}) for {self.run.as_of_date}",
            *(f"- {detail}" for detail in self.details),
            *(line for number, task in enumerate(self.failed[:TOLD_TASKS]) for line in _told(number, task)),
        ]
        return masked("\n".join(parts))


def parts_of(text: str) -> dict[str, str]:
    """The named lines of an alert's text (`Failed`, `First action`, ...), those about the whole run."""
    head = text.partition("\n\n1. ")[0]
    lines = (line.partition(": ") for line in head.splitlines() if not line.startswith(("- ", "[")))
    return {name: told for name, _, told in lines if told}


def _told(number: int, task: FailedTask) -> list[str]:
    """What is known about a task; the first one's action and links are those of the alert."""
    links = [f"  First action: {task.first_action}", f"  Runbook: {task.runbook}", f"  Log: {task.log}"]
    error = f"{task.error}: {task.message}"[:ERROR_LENGTH] if task.error else SAID_NOTHING
    return [
        "",
        f"{number + 1}. {task.name}",
        f"  Error: {error}".replace("\n", "\n    "),
        f"  If it fails: {task.impact}",
        *(links if number else []),
    ]
