"""The REST client against a scripted server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from include.embedded.errors import AirflowApiError
from include.embedded.rest import AirflowClient

RUN = {
    "dag_id": "d",
    "dag_run_id": "r1",
    "state": "success",
    "run_type": "backfill",
    "logical_date": "2026-01-02T03:00:00Z",
    "start_date": "2026-01-02T03:00:01Z",
    "end_date": None,
    "conf": None,
}
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> AirflowClient:
    made = AirflowClient("http://airflow", "admin", "secret")
    made._http = httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(with_login(answer)))
    return made


def with_login(answer: Answer) -> Answer:
    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            assert json.loads(request.content) == {"username": "admin", "password": "secret"}
            return httpx.Response(201, json={"access_token": "t"})
        return answer(request)

    return answered


def test_it_logs_in_and_reads_a_run() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return httpx.Response(200, json=RUN)

    run = client(answer).dag_run("d", "r1")
    assert run.ended
    assert run.logical_date == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert run.conf == {}


def test_it_logs_in_again_when_the_token_has_expired() -> None:
    answers = iter([httpx.Response(401, json={"detail": "expired"}), httpx.Response(200, json=RUN)])
    assert client(lambda request: next(answers)).dag_run("d", "r1").run_id == "r1"


def test_lists_are_read_page_by_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        rows = [{**RUN, "dag_run_id": str(number)} for number in range(start, min(start + 100, 230))]
        return httpx.Response(200, json={"dag_runs": rows, "total_entries": 230})

    assert [run.run_id for run in client(answer).dag_runs("d")] == [str(number) for number in range(230)]


def test_a_refusal_teaches() -> None:
    refused = client(lambda request: httpx.Response(409, json={"detail": "already a running backfill"}))
    with pytest.raises(AirflowApiError, match="HTTP 409: already a running backfill") as refusal:
        refused.backfill("d", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    assert "wait until the one under way has ended" in refusal.value.next_step


def test_no_answer_teaches() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(AirflowApiError, match="make status"):
        client(answer).health()


def test_a_pool_that_exists_is_left_alone() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json={"name": "production", "slots": 3})

    client(answer).ensure_pool("production", 1, "")


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.embedded.rest.BUSY_SECONDS", 0)


BUSY = (
    httpx.Response(500, json={"detail": {"reason": "Database error"}}),
    httpx.Response(503, json={"detail": "Database is locked. Backfill creation is not supported on SQLite"}),
)


@pytest.mark.usefixtures("no_wait")
def test_a_missing_pool_is_made_also_when_the_database_is_busy_at_first() -> None:
    answers = iter(
        [httpx.Response(404, json={"detail": "none"}), *BUSY, httpx.Response(201, json={"name": "production"})]
    )
    client(lambda request: next(answers)).ensure_pool("production", 1, "")
    assert next(answers, None) is None


@pytest.mark.usefixtures("no_wait")
def test_a_database_that_stays_busy_is_told() -> None:
    with pytest.raises(AirflowApiError, match="HTTP 503: Database is locked"):
        client(lambda request: BUSY[1]).pause("d")


def test_runs_that_never_end_are_named() -> None:
    waiting = client(lambda request: httpx.Response(200, json={**RUN, "state": "running"}))
    with pytest.raises(AirflowApiError, match="r1 running"):
        waiting.wait_for_runs("d", ["r1"], seconds=0)
