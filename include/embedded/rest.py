"""A thin client of Airflow's REST API: what set-up, demo and end-to-end tests need of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import httpx

from include.embedded.environment import base_url
from include.embedded.errors import AirflowApiError
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import ADMIN, ADMIN_PASSWORD, load_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

PAGE = 100
# A request that the database refused is sent again so often, after so long.
BUSY_TRIES, BUSY_SECONDS = 4, 1
ENDED = frozenset({"success", "failed"})


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG. `run_type` says why it runs; never read it off the id."""

    dag_id: str
    run_id: str
    state: str
    run_type: str
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    conf: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """True once nothing more will happen to it by itself."""
        return self.state in ENDED


@dataclass(frozen=True)
class TaskInstance:
    """One task of one run; `state` is `none` before the scheduler has looked at it."""

    task_id: str
    map_index: int
    state: str
    try_number: int
    start_date: datetime | None
    end_date: datetime | None


class AirflowClient:
    """Calls the API as one user; logs in when first needed. Every failure is an AirflowApiError."""

    def __init__(self, url: str, user: str, password: str, seconds_per_request: float = 60) -> None:
        self._credentials = {"username": user, "password": password}
        # A connection is tried again; a request that was sent is not.
        transport = httpx.HTTPTransport(retries=3)
        self._http = httpx.Client(base_url=url, timeout=seconds_per_request, transport=transport, trust_env=False)

    @classmethod
    def for_home(cls, home: Path) -> Self:
        """A client, as admin, of the Airflow that was started in `home`."""
        return cls(base_url(RunFolder(home).port()), ADMIN, load_secrets(home)[ADMIN_PASSWORD])

    def health(self) -> dict[str, dict[str, Any]]:
        """Component to its `status` and latest heartbeat; needs no login."""
        return dict(self._send("GET", "/api/v2/monitor/health").json())

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool; one that is there is left as the operator wants it."""
        if "name" not in self._call("GET", f"/pools/{name}", accept=HTTPStatus.NOT_FOUND):
            self._call("POST", "/pools", {"name": name, "slots": slots, "description": description})

    def wait_for_dag(self, dag_id: str, seconds: float = 120) -> None:
        """Return once the dag-processor has parsed the DAG; on time-out, show the import errors."""
        if _within(seconds, lambda: self._has_dag(dag_id)):
            return
        errors = [
            f"{error['filename']}: {error['stack_trace']}" for error in self._pages("/importErrors", "import_errors")
        ]
        found = "\n".join(errors) or f"no such DAG after {seconds:.0f} s"
        raise AirflowApiError(f"a DAG {dag_id}", found, "mend the DAG file; see logs/components/dag-processor.log")

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG. Mind that a past start date gives one run at once, even with catchup=False."""
        self._set_paused(dag_id, paused=False)

    def pause(self, dag_id: str) -> None:
        """Keep the scheduler from starting runs of a DAG."""
        self._set_paused(dag_id, paused=True)

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        logical_date: datetime | None = None,
        run_id: str | None = None,
    ) -> DagRun:
        """Start a manual run; `conf` sets params."""
        body = {
            "dag_run_id": run_id,
            "logical_date": logical_date and logical_date.isoformat(),
            "conf": dict(conf or {}),
        }
        return _dag_run(self._call("POST", f"/dags/{dag_id}/dagRuns", body))

    def backfill(
        self,
        dag_id: str,
        first: datetime,
        last: datetime,
        *,
        reprocess: str = "none",
        run_backwards: bool = False,
        max_active_runs: int = 1,
        conf: Mapping[str, Any] | None = None,
    ) -> list[DagRun]:
        """Create the backfill of all ticks between two instants, both included; returns the backfill runs there.

        `reprocess` is none, failed or completed. The DAG must be unpaused, or the runs stay queued.
        """
        body = {
            "dag_id": dag_id,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "reprocess_behavior": reprocess,
            "run_backwards": run_backwards,
            "max_active_runs": max_active_runs,
            "dag_run_conf": dict(conf or {}),
        }
        self._call("POST", "/backfills", body)
        return [run for run in self.dag_runs(dag_id, first, last) if run.run_type == "backfill"]

    def wait_until_no_backfill_is_open(self, dag_id: str, seconds: float = 120) -> None:
        """Return once a new backfill may be made: Airflow allows one per DAG, and closes it a little after its runs."""

        def all_closed() -> bool:
            return all(row["completed_at"] for row in self._pages(f"/backfills?dag_id={dag_id}", "backfills"))

        if not _within(seconds, all_closed):
            raise AirflowApiError(
                f"no open backfill of {dag_id}", f"one still open after {seconds:.0f} s", "wait, or cancel it in the UI"
            )

    def dag_runs(self, dag_id: str, first: datetime | None = None, last: datetime | None = None) -> list[DagRun]:
        """The runs of a DAG, oldest first; with bounds, those whose logical date lies within them."""
        bounds = {"logical_date_gte": first, "logical_date_lte": last}
        query = {name: moment.isoformat() for name, moment in bounds.items() if moment}
        return [
            _dag_run(row)
            for row in self._pages(f"/dags/{dag_id}/dagRuns", "dag_runs", {**query, "order_by": "run_after"})
        ]

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """One run as it is now."""
        return _dag_run(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}"))

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Every task of a run, mapped ones one by one."""
        rows = self._pages(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")
        return [_task_instance(row) for row in rows]

    def wait_for_runs(self, dag_id: str, run_ids: Sequence[str], seconds: float) -> list[DagRun]:
        """Return the runs once all have ended, however they ended; AirflowApiError where that takes too long."""
        runs: list[DagRun] = []

        def all_ended() -> bool:
            runs[:] = [self.dag_run(dag_id, run_id) for run_id in run_ids]
            return all(run.ended for run in runs)

        if not _within(seconds, all_ended):
            raise still_running(runs, seconds)
        return runs

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Any other request under /api/v2; the decoded answer."""
        return self._call(method, path, body)

    def _has_dag(self, dag_id: str) -> bool:
        return self._call("GET", f"/dags/{dag_id}", accept=HTTPStatus.NOT_FOUND).get("dag_id") == dag_id

    def _set_paused(self, dag_id: str, *, paused: bool) -> None:
        self._call("PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": paused})

    def _pages(self, path: str, key: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        start = 0
        while True:
            parameters = httpx.QueryParams({**(query or {}), "limit": PAGE, "offset": start})
            rows = self._call("GET", f"{path}{'&' if '?' in path else '?'}{parameters}")[key]
            yield from rows
            start += len(rows)
            if len(rows) < PAGE:
                return

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, accept: HTTPStatus | None = None
    ) -> dict[str, Any]:
        if "Authorization" not in self._http.headers:
            self._log_in()
        answer = self._send(method, f"/api/v2{path}", body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", body)
        for _ in range(BUSY_TRIES):
            if not _database_was_busy(answer):
                break
            time.sleep(BUSY_SECONDS)
            answer = self._send(method, f"/api/v2{path}", body)
        return dict(_checked(answer, accept).json() or {}) if answer.content else {}

    def _log_in(self) -> None:
        answer = _checked(self._send("POST", "/auth/token", self._credentials))
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            where = f"{method} {self._http.base_url.join(path)}"
            raise AirflowApiError(
                f"an answer to {where}", repr(error), "see whether Airflow runs: make status"
            ) from error


def still_running(runs: Sequence[DagRun], seconds: float) -> AirflowApiError:
    """The error for runs which took too long."""
    states = ", ".join(f"{run.run_id} {run.state}" for run in runs if not run.ended)
    return AirflowApiError(
        f"all runs to end within {seconds:.0f} s", states, "look at the runs in the UI; is the DAG paused?"
    )


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(1)
    return held


def _checked(answer: httpx.Response, accept: HTTPStatus | None = None) -> httpx.Response:
    if answer.is_success or answer.status_code == accept:
        return answer
    asked = f"{answer.request.method} {answer.request.url.path}"
    raise AirflowApiError(f"success from {asked}", f"HTTP {answer.status_code}: {_detail(answer)}", _next_step(answer))


def _database_was_busy(answer: httpx.Response) -> bool:
    """On SQLite the API server refuses a write that coincides with the start of a task, before it does any of it.

    Airflow 3.3 logs the action on its event loop, which keeps the task's own transaction from its commit.
    """
    busy = answer.status_code in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE}
    return busy and any(sign in answer.text for sign in ("Database error", "Database is locked"))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail", answer.text))
    except ValueError:
        return answer.text[:500]


def _next_step(answer: httpx.Response) -> str:
    steps = {
        HTTPStatus.UNAUTHORIZED: "check user and password: secrets.env holds the admin's",
        HTTPStatus.CONFLICT: "wait until the one under way has ended, or cancel it in the UI",
        HTTPStatus.NOT_FOUND: "check the id; a DAG appears once the dag-processor has parsed its file",
    }
    return steps.get(HTTPStatus(answer.status_code), "mend the request, or see logs/components/api-server.log")


def _dag_run(row: Mapping[str, Any]) -> DagRun:
    return DagRun(
        dag_id=row["dag_id"],
        run_id=row["dag_run_id"],
        state=row["state"],
        run_type=row["run_type"],
        logical_date=_moment(row["logical_date"]),
        start_date=_moment(row["start_date"]),
        end_date=_moment(row["end_date"]),
        conf=row.get("conf") or {},
    )


def _task_instance(row: Mapping[str, Any]) -> TaskInstance:
    return TaskInstance(
        task_id=row["task_id"],
        map_index=row["map_index"],
        state=row["state"] or "none",
        try_number=row["try_number"],
        start_date=_moment(row["start_date"]),
        end_date=_moment(row["end_date"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
