"""How long the pages take with a year of history: each page, and each read of a table that it makes."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.simulated_history import SimulatedHistory, item_id, user_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fastapi.testclient import TestClient

PAGE_BAR, READ_BAR = 1.0, 0.2
# The first time draws what later times find drawn; each is told apart.
TIMES = 3
POST = "POST "


@dataclass(frozen=True)
class Timed:
    """Seconds of a page: the first time and the median of later ones; its slowest read, of which table; its size."""

    page: str
    first: float
    later: float
    slowest_read: float
    table: str
    reads: int
    kilobytes: float

    @property
    def within(self) -> bool:
        """Whether both bars are kept."""
        return self.first <= PAGE_BAR and self.slowest_read <= READ_BAR


def measure_pages(home: Path, days: int = 365) -> list[Timed]:
    """Simulate `days` of history in a home, then ask for every page through the application, as Airflow does.

    Rights are taken as given: Airflow's own check is not ours to measure.
    """
    from include.retraining.warehouse.local import LocalWarehouse

    os.environ.update(
        HIGAWARI_HOME=str(home), AIRFLOW_HOME=str(home / "airflow"), AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR"
    )
    history = SimulatedHistory(datetime.now(UTC).date(), days, appended_days=7, shards=3)
    history.write(LocalWarehouse(home / "warehouse", home / "spill"))
    client = _site()
    with _timed_reads() as reads:
        return [_timed(client, page, reads) for page in pages(history)]


def report(found: Sequence[Timed]) -> int:
    """Print them; 1 where one misses a bar."""
    print(f"\n{'page, 365 days of history':44}{'first s':>9}{'later s':>9}{'slowest read s':>16}  of table")
    for each in found:
        times = f"{each.first:9.2f}{each.later:9.2f}{each.slowest_read:16.3f}"
        print(f"{each.page:44}{times}  {each.table} ({each.reads} reads){'' if each.within else '  MISSED'}")
    page, read = max(each.first for each in found), max(each.slowest_read for each in found)
    print(f"slowest page {page:.2f} s (aim: {PAGE_BAR:.1f} or less), slowest read {read:.3f} s (aim: {READ_BAR})")
    return 0 if all(each.within for each in found) else 1


def pages(history: SimulatedHistory) -> list[str]:
    """Every page that reads tables, the heaviest choices of them too."""
    last = history.last
    return [
        "/", "/dates", "/dates?months=12", f"/dates/{last}", f"/quality/{last}", "/publications",
        f"/publications/{history.current}", "/champions", "/champions?days=365", f"/decisions/{last}/for_you",
        "/outcomes", "/outcomes?days=365", "/drift", "/drift?days=365", "/drift/events/category?days=365", "/costs",
        "/costs?days=365", f"{POST}/lists?kind=user&name={user_id(0)}", f"{POST}/lists?kind=user&name=nobody",
        f"/items/{item_id(7)}",
    ]  # fmt: skip


def _site() -> TestClient:
    """The application, for somebody who may read, with what an api-server has loaded long before anybody looks."""
    import airflow.models.taskinstance  # noqa: F401
    from fastapi.testclient import TestClient
    from sqlalchemy.orm import configure_mappers

    from include.recommender.look_up import RecommenderLookUp
    from include.recommender.workspace import recommender_to_read
    from include.ui.app import make_app, warm_up

    warm_up()
    configure_mappers()
    app = make_app("Recommender", "recommender_daily", recommender_to_read, RecommenderLookUp())
    (rights,) = app.router.dependencies
    app.dependency_overrides[rights.dependency] = lambda: None  # type: ignore[index]
    client = TestClient(app)
    client.get("/style.css")
    return client


@contextmanager
def _timed_reads() -> Iterator[dict[str, list[float]]]:
    """The seconds of each read by table, which the pages fill in."""
    from include.retraining.warehouse.local import LocalWarehouse

    reads: dict[str, list[float]] = defaultdict(list)
    read = LocalWarehouse.read

    def timed_read(warehouse: LocalWarehouse, table: Any, *arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return read(warehouse, table, *arguments, **named)
        finally:
            reads[table.name].append(time.perf_counter() - began)

    setattr(LocalWarehouse, "read", timed_read)  # noqa: B010 (mypy keeps methods from being replaced)
    try:
        yield reads
    finally:
        setattr(LocalWarehouse, "read", read)  # noqa: B010


def _timed(client: TestClient, page: str, reads: dict[str, list[float]]) -> Timed:
    seconds, slowest = [], []
    for _ in range(TIMES):
        reads.clear()
        began = time.perf_counter()
        answer = _ask(client, page)
        seconds.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise SystemExit(f"{page} answers {answer.status_code}: no figure")
        slowest.append(max(_flat(reads), default=(0.0, "none")))
        count = sum(len(of) for of in reads.values())
    # The fastest of three: what else runs on the machine is not the read's.
    longest, table = min(slowest)
    later = sorted(seconds[1:])[len(seconds[1:]) // 2]
    return Timed(page, seconds[0], later, longest, table, count, len(answer.content) / 1000)


def _flat(reads: dict[str, list[float]]) -> Iterator[tuple[float, str]]:
    for table, seconds in reads.items():
        for each in seconds:
            yield each, table


def _ask(client: TestClient, page: str) -> Any:
    if not page.startswith(POST):
        return client.get(page)
    address, _, fields = page.removeprefix(POST).partition("?")
    return client.post(address, data=dict(part.split("=") for part in fields.split("&")))
