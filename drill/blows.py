"""Which fault strikes which try of which task; on disk, where the tasks look before they work."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from drill.kinds import Fault

FOLDER_VARIABLE = "DRILL_FOLDER"
# The answer to a task whose disk is to be full where no file system could be mounted.
BY_LIMIT = "limit the size of files"
Moment = Literal["start", "write", "end"]


@dataclass(frozen=True)
class Blow:
    """One fault. `tries` empty: every try until it is mended. `map_index` -1: not mapped.

    Moments: before the work, after its first write is committed, or after all of it and before Airflow knows. A task
    that writes no table is struck at the end where the moment is `write`.
    """

    task_id: str
    map_index: int
    tries: tuple[int, ...]
    fault: Fault
    moment: Moment = "start"

    @property
    def instance(self) -> str:
        """The task as people write it."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    def strikes(self, task_id: str, map_index: int, try_number: int) -> bool:
        """Whether it is meant for a try."""
        return (self.task_id, self.map_index) == (task_id, map_index) and (not self.tries or try_number in self.tries)


@dataclass(frozen=True)
class Struck:
    """What a task tells before a fault strikes it."""

    instance: str
    try_number: int
    fault: Fault
    moment: Moment
    pid: int
    execution_timeout: float  # seconds that were left; 0 where there is none


@dataclass(frozen=True)
class DrillFolder:
    """The files through which tasks and drill talk."""

    path: Path

    @classmethod
    def of_this_process(cls) -> DrillFolder:
        """The folder that the environment of a task names."""
        return cls(Path(os.environ[FOLDER_VARIABLE]))

    def arm(self, blows: Iterable[Blow]) -> None:
        """From here on these faults strike, and no others."""
        _write(self.path / "armed.json", [asdict(blow) for blow in blows])

    def armed(self) -> list[Blow]:
        """The faults that strike now."""
        rows = json.loads((self.path / "armed.json").read_text())
        return [Blow(**{**row, "tries": tuple(row["tries"])}) for row in rows]

    def tell(self, struck: Struck) -> Path:
        """Say that a fault is about to strike; the file that the drill makes when it has done its part."""
        told = self.path / "struck" / f"{struck.instance}.{struck.try_number}.json"
        _write(told, asdict(struck))
        return told.with_suffix(".answer")

    def told(self, known: Collection[Path] = ()) -> dict[Path, Struck]:
        """What was told so far, by the file of the answer; without that of which the answer is known."""
        answers = {path.with_suffix(".answer"): path for path in sorted((self.path / "struck").glob("*.json"))}
        new = {answer: path for answer, path in answers.items() if answer not in known}
        return {answer: Struck(**json.loads(path.read_text())) for answer, path in new.items()}

    @property
    def lock(self) -> Path:
        """Shared by tasks at work; taken alone by the one whose disk is full."""
        return self.path / "lock"

    def make(self) -> None:
        """Make it, with nothing armed."""
        (self.path / "struck").mkdir(parents=True)
        self.lock.touch()
        self.arm([])

    def forget(self) -> None:
        """Forget what was told."""
        for path in (self.path / "struck").iterdir():
            path.unlink()


def _write(path: Path, content: Any) -> None:
    # The reader sees all of it or nothing.
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)
