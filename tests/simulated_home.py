"""A small simulated service and the days of it that tests run: what a home of theirs looks like."""

from __future__ import annotations

import os
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from include.demo.photo_service import PhotoService

if TYPE_CHECKING:
    import pytest

PROJECT = Path(__file__).resolve().parents[1]
DAY_BEFORE, LAST_ARRIVAL = date(2026, 2, 9), date(2026, 2, 10)
# One thread: two of them wait for each other more than they work where the cores are shared.
SMALL_TRAINING = {
    "HIGAWARI_TRAINING__SNAPSHOTS": "[2]",
    "HIGAWARI_TRAINING__ROUNDS": "[20]",
    "HIGAWARI_TRAINING__THREADS": "1",
    "HIGAWARI_TRAINING__NEGATIVES_PER_USER": "20",
    # One week, and nothing to choose: test_backtest.py pools weeks and chooses.
    "HIGAWARI_EVALUATION__WEEKS": "1",
    "HIGAWARI_EASE__REGULARISATION": "[10]",
    "HIGAWARI_LISTS__POPULARITY_DAYS": "[28]",
    "HIGAWARI_LISTS__SIMILAR_METHOD": '["cosine"]',
    "HIGAWARI_LISTS__FALLBACK": '["own_history"]',
    "HIGAWARI_EXPLANATIONS__SAMPLED_USERS": "2",
    "HIGAWARI_PROMOTION__BOOTSTRAP_SAMPLES": "200",
}
SMALL_SETTINGS = SMALL_TRAINING | {
    # Every day's ranker is promoted, so that every step has something to do.
    "HIGAWARI_PROMOTION__CHAMPION_MARGIN": "0.5",
}


def small_service(until: date) -> PhotoService:
    """Forty days of it, the last of which arrives on `until`."""
    start = until - timedelta(days=40)
    return PhotoService(start=start, days=40, users=300, items=150, births_per_day=3, events_per_day=900)


SMALL_SERVICE = small_service(until=LAST_ARRIVAL)


def environment_of(home: Path) -> dict[str, str]:
    """The variables with which days are run in a home."""
    return {**SMALL_SETTINGS, "HIGAWARI_HOME": str(home), "HIGAWARI_HASH_KEY": "for tests"}


def copy_of(home: Path, to: Path, patch: pytest.MonkeyPatch) -> Path:
    """A copy of a home below a folder, in which this process works as long as the patch lasts."""
    folder = to / "home"
    shutil.copytree(home, folder)
    for name, value in environment_of(folder).items():
        patch.setenv(name, value)
    return folder


def whole_environment_of(home: Path) -> dict[str, str]:
    """The environment of a process that runs days in a home, whatever the shell names."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HIGAWARI_", "MLFLOW_"))}
    return own | environment_of(home)
