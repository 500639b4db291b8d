"""A person is asked about a challenger: what is asked, until when, and what was answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

MARGIN = timedelta(hours=1)
# Nobody can read the evidence in less; a shorter setting is honoured.
SHORTEST = timedelta(minutes=10)
NOBODY = "nobody"


@dataclass(frozen=True)
class Question:
    """What a person is asked: one line, and the evidence as Markdown."""

    subject: str
    body: str


@dataclass(frozen=True)
class Answer:
    """What was answered, by whom and when; `timed_out` by nobody."""

    kind: Literal["approved", "rejected", "timed_out"]
    who: str
    at: datetime
    comment: str = ""

    def to_xcom(self) -> dict[str, str]:
        """As text, which any XCom backend keeps."""
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def from_xcom(cls, kept: dict[str, Any]) -> Self:
        """What to_xcom made."""
        return cls(**{**kept, "at": datetime.fromisoformat(kept["at"])})


def closing_time(now: datetime, hours: float, next_start: datetime | None) -> datetime | None:
    """When a question is closed: after so many hours, and MARGIN before the next run starts, which must not wait.

    None where too little time is left to ask at all.
    """
    wanted = timedelta(hours=hours)
    left = next_start - MARGIN - now if next_start else wanted
    return now + min(wanted, left) if left >= min(wanted, SHORTEST) else None
