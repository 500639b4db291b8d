"""The commands of docs/operate.md back a home up, and bring it back after it was lost."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from include.retraining.warehouse.local import LocalWarehouse
from tests.end_to_end.days import champions, everything_seen, run_day_at
from tests.simulated_home import DAY_BEFORE, LAST_ARRIVAL, PROJECT, whole_environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.conftest import RunElsewhere, Start

pytestmark = pytest.mark.integration
SECTION = (PROJECT / "docs" / "operate.md").read_text().split("\n## Backups\n")[1].split("\n## ")[0]
STOPPED, RUNNING, RESTORE = re.findall(r"^```bash\n(.*?)^```$", SECTION, flags=re.MULTILINE | re.DOTALL)
# A file came or went while tar read it; Airflow is not here to be stopped and started.
TAR_WARNED = 1
NOT_HERE = ("make down", "make up")


@pytest.fixture(scope="module")
def published(simulated: Path, tmp_path_factory: pytest.TempPathFactory, run_elsewhere: RunElsewhere) -> Path:
    """A home with a published day, in which its models were made: at another path they would lie elsewhere."""
    home = tmp_path_factory.mktemp("backup") / "home"
    shutil.copytree(simulated, home / "landing")
    (home / "mlflow").mkdir()
    (home / "secrets.env").write_text("HIGAWARI_HASH_KEY=for tests\n")
    assert run_elsewhere(run_day_at, home, DAY_BEFORE) == 0
    return home


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Iterator[Path]:
    """That home, which is put back at its path when a test is through with it, and nothing beside it."""
    shutil.copytree(published, tmp_path / "kept")
    yield published
    shutil.rmtree(published.parent)
    shutil.copytree(tmp_path / "kept", published)


def carry_out(commands: str, home: Path) -> str:
    """What commands of the page print. They run one by one, as a person pastes them, in the project folder."""
    environment = {**whole_environment_of(home), "BACKUP": str(home.parent / "backup")}
    said, umask = "", ""
    for command in commands.splitlines():
        if command in NOT_HERE:
            continue
        if command.startswith("umask"):
            umask = f"{command}\n"
            continue
        if command == "make freshness":
            command = ".venv/bin/python -m include.retraining.publication.freshness || true"
        command = command.replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["bash", "-c", umask + command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        allowed = {0, TAR_WARNED} if "-cpf" in command else {0}
        assert done.returncode in allowed, f"mend {command!r} in docs/operate.md, Backups: {done.stderr}"
        said += done.stdout
    return said


def seen(home: Path) -> list[object]:
    return [*everything_seen(LocalWarehouse(home / "warehouse", home / "spill")), champions(home)]


def test_a_lost_home_is_back_and_the_next_day_runs(home: Path, run_elsewhere: RunElsewhere) -> None:
    before, secrets = seen(home), (home / "secrets.env").read_bytes()
    carry_out(STOPPED, home)
    assert [file.stat().st_mode & 0o077 for file in (home.parent / "backup").iterdir()] == [0]
    shutil.rmtree(home)
    assert f"readers see {DAY_BEFORE}-" in carry_out(RESTORE, home)
    assert seen(home) == before
    assert (home / "secrets.env").read_bytes() == secrets
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
    assert seen(home) != before


def test_a_backup_during_a_run_holds_whole_publications(home: Path, start: Start, run_elsewhere: RunElsewhere) -> None:
    before = seen(home)
    running = start(run_day_at, home, LAST_ARRIVAL)
    carry_out(RUNNING, home)
    running.join()
    assert running.exitcode == 0
    after = seen(home)
    carry_out(RESTORE, home)
    assert (home.parent / "home.before-restore").is_dir(), "what was left is moved aside, not deleted"
    assert seen(home)[:-1] in (before[:-1], after[:-1])
    assert run_elsewhere(run_day_at, home, LAST_ARRIVAL) == 0
    assert seen(home) == after
