"""The data of the scale benchmark: a simulated photo service of so many events, ingested into a home."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.demo.landing_writer import write_landing_zone
from include.demo.photo_service import PhotoService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AS_OF_DATE, DAYS, SEED = date(2026, 11, 1), 90, 7
UNITS = {"k": 1_000, "M": 1_000_000}
# Users and items on the first day, events a day: about 10M events in 90 days. Other sizes are these, in proportion.
TEN_MILLION = (103_000, 232_000, 110_500)
# What a day starts from. All else of a home is what earlier days made.
INPUTS = ("landing", "warehouse/events", "warehouse/items", "warehouse/quarantined_rows")
PAST_DATES = "spill/past_dates"
FIGURES = "simulated.json"


@dataclass(frozen=True)
class Home:
    """A home with events: its folder, how many events there are, and rows and seconds of the simulator (0: unknown)."""

    name: str
    folder: Path
    events: int
    simulated: int
    seconds: float


def service_of(name: str) -> PhotoService:
    """The service of a size such as 20k or 10M. Raises ValueError for anything else."""
    share = float(name[:-1]) * UNITS[name[-1]] / 10_000_000 if name[-1:] in UNITS else 0.0
    if share <= 0:
        raise ValueError(f"Expected: events such as 20k, 1M or 10M. Found: {name!r}. Next step: name one of them")
    users, items, events_per_day = (max(round(count * share), 1) for count in TEN_MILLION)
    return PhotoService(
        start=AS_OF_DATE - timedelta(days=DAYS), days=DAYS, seed=SEED,
        users=users, items=items, events_per_day=events_per_day,
    )  # fmt: skip


def prepare_home(name: str, keep: Path) -> Home:
    """The home of a size in `keep`, simulated and ingested first where it is not there yet."""
    folder = keep / f"home{name}"
    if not (folder / "warehouse" / "events").is_dir():
        _make_home(name, folder)
    figures = {"simulated": 0, "seconds": 0.0}
    with suppress(FileNotFoundError):
        figures |= json.loads((folder / FIGURES).read_text())
    return Home(name, folder, sum(_event_rows(folder)), int(figures["simulated"]), figures["seconds"])


def fresh_home(home: Home, to: Path, past_dates_of: Path | None = None) -> Path:
    """A home with the inputs of another and nothing else, by links: Delta Lake and the landing zone only add files.

    With `past_dates_of` what was kept of past dates in that home, too.
    """
    for part in INPUTS:
        shutil.copytree(home.folder / part, to / part, copy_function=_link)
    if past_dates_of:
        shutil.copytree(past_dates_of / PAST_DATES, to / PAST_DATES, copy_function=_link)
    (to / "mlflow").mkdir()
    return to


def _make_home(name: str, folder: Path) -> None:
    from include.recommender.history import load_history

    making = folder.with_name(f".making-{folder.name}")
    shutil.rmtree(making, ignore_errors=True)
    began = time.perf_counter()
    summary = write_landing_zone(service_of(name), making / "source")
    seconds = time.perf_counter() - began
    os.environ.update(HIGAWARI_HOME=str(making), HIGAWARI_HASH_KEY="bench")
    load_history(making / "source")
    shutil.rmtree(making / "source")
    (making / FIGURES).write_text(json.dumps({"simulated": summary.events, "seconds": seconds}))
    making.rename(folder)


def _event_rows(folder: Path) -> Iterator[int]:
    from deltalake import DeltaTable

    actions = DeltaTable(folder / "warehouse" / "events").get_add_actions(flatten=True)
    yield from actions["num_records"].to_pylist()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
