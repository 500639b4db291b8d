from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scale import Bars, _show_growth
from benchmarks.scale_data import Home, service_of
from benchmarks.scale_step import Spent
from tests.simulated_home import PROJECT, SMALL_SETTINGS, whole_environment_of


def spent(seconds: float) -> Spent:
    return Spent(seconds, seconds, 100.0, 1, 0.1)


def test_a_missed_bar_counts_only_where_it_is_judged() -> None:
    bars = Bars()
    bars.at_most("small, s", 3.0, 1.0, judged=False)
    assert not bars.missed
    bars.at_least("large, s", 1.0, 2.0, judged=True)
    assert bars.missed
    assert bars.rows == [
        "| small, s | 3.00 | at most 1 | missed (not judged at this size) |",
        "| large, s | 1.00 | at least 2 | missed |",
    ]


def test_growth_is_judged_from_3m_to_10m_where_a_step_takes_a_second() -> None:
    small, large = (Home(name, Path(), events, 0, 0.0) for name, events in (("3M", 3_000_000), ("10M", 10_000_000)))
    days = {
        small: {"linear": spent(3), "square": spent(9), "short": spent(0.1)},
        large: {"linear": spent(10), "square": spent(100), "short": spent(9)},
    }
    bars = Bars()
    _show_growth("later", days, bars)
    assert bars.missed
    assert bars.rows == [
        "| 3M to 10M, later day: slope of `linear` | 1.00 | at most 1.15 | met |",
        "| 3M to 10M, later day: slope of `square` | 2.00 | at most 1.15 | missed |",
    ]


def test_sizes_are_in_proportion() -> None:
    assert service_of("1M").events_per_day == 11_050
    assert service_of("20k").users == 206
    with pytest.raises(ValueError, match="Found: '7'"):
        service_of("7")


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_every_part_runs_on_a_small_service(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--parts", "scale", "--scale", "20k", "--repeats", "1"]
    environment = whole_environment_of(tmp_path) | SMALL_SETTINGS
    done = subprocess.run(
        [*command, "--keep", str(tmp_path)], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=550
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for row in ("| `ingest` |", "| `score_users 1` |", "| `verify_current` |", "| the script |", "| ours |"):
        assert row in done.stdout
    for kind in ("first", "later"):
        assert f"| 20k, {kind} day: all of it, s |" in done.stdout
    assert "| 20k: scoring over its kernel |" in done.stdout
    (counts,) = re.findall(r"^candidates: the script ([\d,]+), ours ([\d,]+)$", done.stdout, re.MULTILINE)
    theirs, ours = (int(count.replace(",", "")) for count in counts)
    assert theirs == pytest.approx(ours, rel=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["home20k"]
