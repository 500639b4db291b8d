"""Rules 3 and 4 with many processes: races, kills, and queries larger than memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from include.retraining.errors import SettingsError
from include.retraining.settings import PROJECT
from include.retraining.warehouse.local import LocalWarehouse
from tests.retraining.processes import DAY, NOTES, VISITS, append_notes, replace_visits, visits

START_IN = 0.5
BIG = 200_000


@pytest.fixture
def shops(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path / "warehouse", tmp_path / "spill", "500MB", 1)
    warehouse.create_tables([VISITS, NOTES])
    return warehouse


@pytest.mark.integration
@pytest.mark.parametrize("most_files", [50, 2])
def test_rule_3_three_processes_that_append_the_same_keys_append_each_once(
    shops: LocalWarehouse, processes: Pool, most_files: int
) -> None:
    """Also where they put the table's files together meanwhile."""
    start = time.time() + START_IN
    tasks = [(shops.folder, start, who, list(range(8)), most_files) for who in ("a", "b", "c")]
    new = processes.starmap(append_notes, tasks, chunksize=1)
    assert sum(new) == 8
    assert shops.read(NOTES)["number"].to_pylist() == list(range(8))


@pytest.mark.integration
def test_rule_3_processes_that_replace_one_partition_leave_one_complete_content(
    shops: LocalWarehouse, processes: Pool
) -> None:
    start = time.time() + START_IN
    tasks = [(shops.folder, start, "a", who, 1000, 5) for who in ("x", "y", "z")]
    running = processes.starmap_async(replace_visits, tasks, chunksize=1)
    contents = set()
    while not running.ready():
        rows = shops.read(VISITS)
        contents.add((rows.num_rows, len(set(rows["note"].to_pylist()))))
    running.get()
    last = shops.read(VISITS)
    assert contents <= {(0, 0), (1000, 1)}
    assert (last.num_rows, len(set(last["note"].to_pylist()))) == (1000, 1)
    assert last["note"][0].as_py().endswith("4")


@pytest.mark.integration
def test_rule_3_processes_that_replace_different_partitions_all_get_through(
    shops: LocalWarehouse, processes: Pool
) -> None:
    start = time.time() + START_IN
    tasks = [(shops.folder, start, shop, "n", 10, 5) for shop in ("a", "b", "c")]
    processes.starmap(replace_visits, tasks, chunksize=1)
    rows = shops.read(VISITS)
    assert rows["shop"].to_pylist() == ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    assert set(rows["note"].to_pylist()) == {"n 4"}


def test_a_query_whose_memory_cannot_be_spilled_names_the_setting(shops: LocalWarehouse) -> None:
    small = LocalWarehouse(shops.folder, shops.spill_folder, "20MB", 1)
    words = {"words": pa.table({"word": [str(n) * 10 for n in range(600_000)]})}
    with pytest.raises(SettingsError, match=r"storage\.memory_limit = 20MB"):
        small.query("SELECT STRING_AGG(word, ',') AS joined FROM words", {}, words)


def test_a_query_larger_than_its_memory_spills_and_finishes(shops: LocalWarehouse) -> None:
    small = LocalWarehouse(shops.folder, shops.spill_folder, "100MB", 1)
    numbers = pa.table({"n": np.random.default_rng(1).permutation(6_000_000)})
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            seen.append(sum(1 for file in small.spill_folder.rglob("*") if file.is_file()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        found = small.query(
            "SELECT MAX(c) AS copies, COUNT(*) AS kept FROM (SELECT n, COUNT(*) AS c FROM numbers GROUP BY n)",
            {},
            {"numbers": numbers},
        )
    finally:
        stop.set()
        watcher.join()
    assert found.to_pylist() == [{"copies": 1, "kept": 6_000_000}]
    assert max(seen) > 0
    assert not any(file.is_file() for file in small.spill_folder.rglob("*"))


REPLACE = f"""
import sys
from pathlib import Path
from tests.retraining.processes import DAY, VISITS, open_at, visits
warehouse, rows = open_at(Path(sys.argv[1])), visits("a", {BIG}, "new")
warehouse.version(VISITS)
print("ready", flush=True)
warehouse.replace(VISITS, {{"shop": "a", "day": DAY}}, rows)
print("done", flush=True)
"""


def start_replacing(folder: Path) -> subprocess.Popen[str]:
    """A process that is about to replace a large partition."""
    process = subprocess.Popen(
        [sys.executable, "-c", REPLACE, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.integration
def test_rules_3_and_4_a_killed_write_leaves_the_old_rows_and_a_rerun_ends_as_if_undisturbed(
    shops: LocalWarehouse, tmp_path: Path
) -> None:
    """Killed before the first byte, at quarters of the time an undisturbed write takes, and when data is there."""
    old, new = visits("a", 1000, "old"), visits("a", BIG, "new")
    shops.replace(VISITS, {"shop": "a", "day": DAY}, old)
    kept = tmp_path / "as it was"
    shutil.copytree(shops.folder, kept)
    undisturbed = start_replacing(shops.folder)
    began = time.monotonic()
    assert undisturbed.communicate()[0] == "done\n"
    took = time.monotonic() - began
    states = []
    for moment in (0.0, 0.25, 0.5, 0.75, "data"):
        shutil.rmtree(shops.folder)
        shutil.copytree(kept, shops.folder)
        process = start_replacing(shops.folder)
        if moment == "data":
            wait_for_more_files(shops.folder)
        else:
            time.sleep(float(moment) * took)
        process.kill()
        process.communicate()
        found = shops.read(VISITS)
        states.append("old" if found.equals(VISITS.conform(old)) else "new")
        assert states[-1] == "old" or found.equals(VISITS.conform(new)), f"a mixture after a kill at {moment}"
        shops.replace(VISITS, {"shop": "a", "day": DAY}, new)
        assert shops.read(VISITS).equals(VISITS.conform(new)), f"not the undisturbed rows after a kill at {moment}"
    assert states[0] == "old"


def wait_for_more_files(folder: Path) -> None:
    """Until a second data file appears beside the first."""
    end = time.monotonic() + 10
    while len(list(folder.glob("visits/*/*/*.parquet"))) < 2 and time.monotonic() < end:
        time.sleep(0.001)
