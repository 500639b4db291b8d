"""Kinds of tasks of recommender_daily: which faults can hit them, and which one outlasts their retries in the drill."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from include.embedded.errors import EmbeddedAirflowError

if TYPE_CHECKING:
    from collections.abc import Iterable

Fault = Literal["kill -9", "exception", "timeout", "full disk", "MLflow unreachable"]
REGISTRY_SECTION = "registry-error"


@dataclass(frozen=True)
class Kind:
    """Tasks that do the same sort of thing. `tasks` are patterns of task ids.

    A full disk can only hit what writes, an unreachable MLflow only what asks it. The fault `outlasting` goes on
    through every try of the first task that the patterns name. Where `section` is empty, the section of the runbook is
    the last part of the task id.
    """

    name: str
    tasks: tuple[str, ...]
    outlasting: Fault | None
    writes: bool = False
    asks_mlflow: bool = False
    section: str = ""

    @property
    def healed(self) -> tuple[Fault, ...]:
        """Faults that a retry heals, once each; kill -9 hits every task besides.

        First those that hit only what is still to be done: a later try may find its work finished.
        """
        own: dict[Fault, bool] = {"full disk": self.writes, "MLflow unreachable": self.asks_mlflow}
        return (*(fault for fault, hits in own.items() if hits), "exception", "timeout")

    def section_for(self, task_id: str, fault: Fault) -> str:
        """The section of the runbook that the alert about a task must name."""
        if fault == "MLflow unreachable":
            return REGISTRY_SECTION
        return self.section or task_id.rpartition(".")[2]


KINDS = (
    Kind("settings", ("check_settings",), "MLflow unreachable", asks_mlflow=True),
    Kind("wait", ("check_data.wait_for_events",), "exception"),
    Kind("ingest", ("check_data.ingest",), "full disk", writes=True),
    Kind("check", ("check_data.check_inputs", "*.check_training_set", "*.check_publication"), "kill -9", writes=True),
    Kind("verdict", ("check_data.decide_data_verdict",), "exception"),
    Kind("build", ("*.choose_parameters", "build_features.build_*", "publish.build_*"), "timeout", writes=True),
    Kind("train", ("*.train_challenger",), "MLflow unreachable", writes=True, asks_mlflow=True),
    Kind("evaluate", ("*.evaluate",), "timeout", writes=True, asks_mlflow=True),
    Kind("decide", ("*.decide_promotion",), "kill -9", writes=True, asks_mlflow=True),
    Kind("choose", ("choose_rankers",), "MLflow unreachable", asks_mlflow=True),
    Kind("score", ("publish.score_users",), "kill -9", writes=True, asks_mlflow=True),
    Kind("stage", ("publish.stage",), "full disk", writes=True),
    Kind("switch", ("publish.switch_current",), "kill -9", writes=True),
    Kind("verify", ("publish.verify_current",), "timeout"),
    Kind("record", ("record_champions.*",), "MLflow unreachable", True, True, "record_champion"),
    Kind("announce", ("announce_run",), "timeout"),
    # Skipped unless the policy asks a person.
    Kind("approve", ("request_approval.*",), None, section="request_approval"),
)


def kind_of(task_id: str) -> Kind:
    """The kind of a task; an error for one that nobody has thought about."""
    found = [kind for kind in KINDS if any(fnmatchcase(task_id, pattern) for pattern in kind.tasks)]
    if len(found) != 1:
        raise EmbeddedAirflowError(
            f"{task_id} in one kind of drill/kinds.py",
            ", ".join(kind.name for kind in found) or "none",
            "say there which faults can hit it",
        )
    return found[0]


def tasks_by_kind(task_ids: Iterable[str]) -> dict[str, list[str]]:
    """Tasks of each kind that has any, in the order given."""
    tasks: dict[str, list[str]] = {}
    for task_id in task_ids:
        tasks.setdefault(kind_of(task_id).name, []).append(task_id)
    return tasks
