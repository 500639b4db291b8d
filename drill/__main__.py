"""`make drill`: three nights of faults in a real Airflow, and a table of what became of each; exit code 1 on a miss."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drill.blows import DrillFolder
from drill.compare import differences, extra_publications
from drill.control import DAG_ID, Control
from drill.disk import SmallDisk
from drill.equipment import Equipment
from drill.hand import Hand
from drill.healed import healed_night
from drill.inbox import Inbox
from drill.nights import Nights, plan_nights
from drill.outlasting import outlasting_night
from drill.readers import Reader
from drill.report import misses_of, summary, table
from drill.world import DISK, World, warehouse_in
from include.embedded.components import start, stop
from include.embedded.errors import EmbeddedAirflowError
from include.retraining.errors import HigawariError
from tests.sinks import listening

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from datetime import date

    from drill.report import Row

SHARDS = 2
FAULTS = "faults"
logger = logging.getLogger("drill")


def main(arguments: Sequence[str] | None = None) -> int:
    """Drill, print the table, and say how it ended."""
    options = _options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    logger.setLevel(logging.INFO)
    # Whoever stops the drill stops its Airflow too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began, moment = time.monotonic(), datetime.now(UTC)
    home = Path(options.home or tempfile.mkdtemp(prefix="higawari-drill-")).resolve()
    try:
        _empty(home)
        rows, overall = drill(home, options.port, options.only)
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    minutes = (time.monotonic() - began) / 60
    misses = [*misses_of(rows), *overall]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    text = [table(rows), "", f"{moment:%Y-%m-%d}, {machine}: {summary(rows)}; {minutes:.1f} minutes"]
    text += ["", *(f"MISSED: {miss}" for miss in misses)] if misses else []
    print("\n".join(["", *text]))
    if options.table:
        options.table.write_text("\n".join([*text, ""]), encoding="utf-8")
    if misses:
        print(f"\nLogs and tables of the drill: {home}")
    elif not options.home:
        shutil.rmtree(home)
    return 1 if misses else 0


def drill(home: Path, port: int, only: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Every night, and the comparison with undisturbed ones: a row for each fault, misses that belong to none."""
    with ExitStack() as held:
        world, folder = World.make(home), DrillFolder(home / FAULTS)
        folder.make()
        disk = SmallDisk.at(world.disk)
        held.callback(disk.remove)
        first_day = world.begin_days(world.disk, world.dates[:1])
        held.callback(first_day.kill)
        logger.info("a full disk is: %s", disk.what)
        inbox, hand = Inbox(), Hand(folder, disk)
        held.enter_context(listening(inbox.mail))
        held.enter_context(listening(inbox.chat))
        logger.info("Airflow starts in %s", home)
        held.callback(stop, home)
        client = start(home, port, world.airflow_environment(folder.path, inbox.mail, inbox.chat))
        _finish(first_day, home)
        hand.start()
        held.callback(hand.stop)
        reader = Reader(warehouse_in(world.disk))
        reader.start()
        held.callback(reader.stop)
        client.wait_for_dag(DAG_ID)
        client.unpause(DAG_ID)
        control = Control(client)
        nights = plan_nights(control.tasks(SHARDS), only)
        dates = world.dates[: 1 + len(nights.planned)]
        twin = world.begin_days(world.twin, dates)
        held.callback(twin.kill)
        rows = _nights(Equipment(control, folder, hand, inbox, reader), nights, dates[1:])
        _finish(twin, home)
        reader.stop()
        logger.info("comparing with the undisturbed days")
        return rows, [*nights.missing, *_misses_of_all(world, reader)]


def _misses_of_all(world: World, reader: Reader) -> list[str]:
    """What belongs to no single fault: reads of something else than one whole publication, rows that differ."""
    broken = [f"a reader: {miss}" for _, miss in reader.misses]
    extra = extra_publications(world.disk, world.twin)
    logger.info(
        "%d reads, %d broken; %d publications besides the undisturbed ones", len(reader.seen), len(broken), extra
    )
    return [*broken, *differences(world.disk, world.twin)]


def _nights(kit: Equipment, nights: Nights, dates: Sequence[date]) -> list[Row]:
    rows: list[Row] = []
    play = {"killed": healed_night, "healed": healed_night, "outlasting": outlasting_night}
    for (name, blows), day in zip(nights.planned.items(), dates, strict=True):
        began = time.monotonic()
        logger.info("%s: %s night, %d faults", day, name, len(blows))
        rows += play[name](kit, day, blows)
        missed = sum(bool(row.misses) for row in rows)
        logger.info("%s: %d missed so far, %.0f s", day, missed, time.monotonic() - began)
    return rows


def _finish(days: subprocess.Popen[bytes], home: Path) -> None:
    if code := days.wait():
        raise EmbeddedAirflowError("days without faults to succeed", f"exit code {code}", f"see {home}/*.log")


def _empty(home: Path) -> None:
    """Begin with nothing: of an earlier drill that was killed, its Airflow and its disk may be left."""
    if home.exists() and any(home.iterdir()) and not (home / FAULTS).exists():
        raise EmbeddedAirflowError("an empty folder, or an earlier drill's", f"{home}", "choose another --home")
    if home.exists():
        stop(home)
        SmallDisk.forget(home / DISK)
        shutil.rmtree(home)
    home.mkdir(parents=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drill", description=__doc__)
    parser.add_argument("--home", type=Path, help="folder of all its data, emptied first; default: a new one in /tmp")
    parser.add_argument("--port", type=int, default=8089, help="of the drilled Airflow (default 8089)")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="WORD", help="nights, kinds of tasks, or faults, each any of its words"
    )
    parser.add_argument("--table", type=Path, help="write the table to this file too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
