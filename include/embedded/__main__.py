"""`python -m include.embedded up | down | status | exec`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.components import GRACE_SECONDS, start, stop
from include.embedded.environment import base_url, embedded_environment
from include.embedded.health import component_statuses
from include.embedded.rest import AirflowClient
from include.embedded.run_folder import RunFolder
from include.embedded.secret_file import ADMIN, ADMIN_PASSWORD, secret_file
from include.retraining.errors import HigawariError

if TYPE_CHECKING:
    from collections.abc import Sequence

HOME = Path("var/main")
PORT = 8080


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 where it did what was asked."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1


def up(options: argparse.Namespace) -> int:
    """Start the components and say where the UI is."""
    print(f"Starting Airflow in {options.home} ...", flush=True)
    began = time.monotonic()
    start(options.home, options.port)
    print(f"Airflow is healthy after {time.monotonic() - began:.0f} s")
    print(f"  UI        {base_url(options.port)}")
    print(f"  user      {ADMIN}")
    print(f"  password  {ADMIN_PASSWORD} in {secret_file(options.home)}")
    print(f"  logs      {RunFolder(options.home).log('scheduler').parent}")
    return 0


def down(options: argparse.Namespace) -> int:
    """Stop the components; nothing to do where none runs."""
    began = time.monotonic()
    ran = stop(options.home, options.grace)
    stopped = f"Stopped {', '.join(ran)} after {time.monotonic() - began:.0f} s"
    print(stopped if ran else f"No Airflow runs in {options.home}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Print a line per component; exit code 1 unless all are healthy."""
    folder = RunFolder(options.home)
    if not folder.started():
        print(f"No Airflow runs in {options.home}")
        return 1
    statuses = component_statuses(AirflowClient.for_home(options.home), folder)
    for each in statuses:
        print(f"{each.name:14} {f'pid {each.pid}' if each.running else 'ended':12} {each.health}")
    return 0 if all(each.running and each.health == "healthy" for each in statuses) else 1


def execute(options: argparse.Namespace) -> int:
    """Become the given command, within the environment of the components."""
    environment = embedded_environment(options.home, RunFolder(options.home).port(default=PORT))
    try:
        os.execvpe(options.command[0], options.command, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"Cannot run {options.command[0]}: {error}", file=sys.stderr)
        return 127


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.embedded", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="up | down | status | exec")
    with_home = argparse.ArgumentParser(add_help=False)
    with_home.add_argument("--home", type=Path, default=HOME, help=f"folder of all its data (default: {HOME})")
    command = commands.add_parser("up", parents=[with_home], help="start Airflow")
    command.add_argument("--port", type=int, default=PORT, help=f"of UI and API (default: {PORT})")
    command.set_defaults(run=up)
    command = commands.add_parser("down", parents=[with_home], help="stop Airflow")
    command.add_argument("--grace", type=float, default=GRACE_SECONDS, help="seconds that running tasks get to end")
    command.set_defaults(run=down)
    commands.add_parser("status", parents=[with_home], help="say how it is").set_defaults(run=status)
    command = commands.add_parser("exec", parents=[with_home], help="run a command in its environment")
    command.add_argument("command", nargs="+", help="after --")
    command.set_defaults(run=execute)
    return parser


if __name__ == "__main__":
    sys.exit(main())
