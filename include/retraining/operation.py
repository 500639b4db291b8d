"""What a person does to production by a form: one plan is shown by a dry run and carried out by a real one."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.retraining.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

FIELDS_OF_EVERY_FORM = ("reason", "dry_run")


@dataclass(frozen=True)
class Operation:
    """Who wants it, and why. `run_id` is its key in the audit tables: a retry finds what an earlier try did.

    `asked_at` is when the form was sent, or the run due; None outside Airflow.
    """

    run_id: str
    who: str
    reason: str
    dry_run: bool = True
    asked_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what would be recorded without a reason."""
        if not self.reason.strip():
            raise OperationError("a reason", repr(self.reason), "trigger again and say why: it is kept in the record")

    def refuse_empty_since(self, field: str, changed_at: datetime, change: str) -> None:
        """OperationError where an empty field means something else by now: it was changed after the form was sent.

        A second press, or a run that publishes while the form waits, must not take readers further than was seen.
        """
        if self.asked_at and changed_at > self.asked_at:
            raise OperationError(
                f"nothing to have changed since the form was sent ({self.asked_at:%H:%M:%S} UTC), as {field} is empty",
                f"at {changed_at:%H:%M:%S} UTC {change}",
                f"look at what is so now; to change it further, trigger again and fill in {field}",
            )


@dataclass(frozen=True)
class Plan:
    """What an operation changes: in words, one fact a line, and as a call; None where there is nothing to do."""

    says: tuple[str, ...]
    carry_out: Callable[[], object] | None = None


def together(*plans: Plan) -> Plan:
    """Several plans as one, in their order."""
    calls = [plan.carry_out for plan in plans if plan.carry_out]
    says = tuple(fact for plan in plans for fact in plan.says)
    return Plan(says, (lambda: [call() for call in calls]) if calls else None)


def perform(operation: Operation, plan: Plan) -> str:
    """Carry the plan out unless this is a dry run; says what was, or would be, done."""
    if plan.carry_out is None:
        headline = "Nothing to do, nothing was changed"
    elif operation.dry_run:
        headline = "Dry run, nothing was changed. With dry_run off"
    else:
        plan.carry_out()
        headline = f"Done for {operation.who} ({operation.reason})"
    return "\n- ".join([f"{headline}:", *plan.says])


def operation_from_context(context: Mapping[str, Any]) -> Operation:
    """Read an Operation from an Airflow task context. A run without a user is there because it was, say, scheduled."""
    dag_run, params = context["dag_run"], context["params"]
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    who = dag_run.triggering_user_name or run_type
    reason = params["reason"] or ("" if run_type == "manual" else run_type)
    return Operation(dag_run.run_id, who, reason, params["dry_run"], dag_run.run_after)


def own_fields(step: Callable[..., Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a form that `step(operation, workspace, **fields)` takes, without spaces around a text.

    OperationError for any other: Airflow lets a misspelt key through, and what was meant would be left out.
    """
    own = {name: value for name, value in params.items() if name not in FIELDS_OF_EVERY_FORM}
    fields = {name: value.strip() if isinstance(value, str) else value for name, value in own.items()}
    known = list(inspect.signature(step).parameters)[2:]
    if unknown := sorted(set(fields) - set(known)):
        raise OperationError(
            f"fields among {', '.join([*known, *FIELDS_OF_EVERY_FORM])}",
            ", ".join(unknown),
            "mend the spelling in the conf and trigger again",
        )
    return fields
