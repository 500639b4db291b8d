"""Stands in for `docker` in commands of a page: runs here what they would run in a container.

`docker compose exec|run [--options] SERVICE COMMAND` runs COMMAND with /var/lib of the containers in $CONTAINERS, where
databases are files. Whatever else compose is asked for is noted only. The program that $BROKEN names fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["CONTAINERS"])


def main(compose: str, verb: str, *arguments: str) -> int:
    """Note the command and do what it would do."""
    assert compose == "compose"
    with (ROOT / "commands").open("a") as log:
        print(verb, *arguments, file=log)
    if verb not in {"exec", "run"}:
        return 0
    words = list(arguments)
    while words[0].startswith("-"):
        words.pop(0)
    _, program, *rest = words
    if program == os.environ.get("BROKEN"):
        return 1
    if program == "pg_dump":
        return subprocess.call(["cat", ROOT / rest[-1]])
    if program == "pg_restore":
        with (ROOT / rest[rest.index("--dbname") + 1]).open("wb") as database:
            return subprocess.call(["cat"], stdout=database)
    return subprocess.call([program, *(word.replace("/var/lib", f"{ROOT}/var/lib") for word in rest)])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
