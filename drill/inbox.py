"""What arrived at the mail server and at the webhook, and when."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from tests.sinks import MailSink, WebhookSink


class Arrivals(list[Any]):
    """A list that notes when each item was added."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, item: Any) -> None:
        """Add an item now."""
        self.times.append(time.time())
        super().append(item)


@dataclass(frozen=True)
class Message:
    """One alert as it came through one channel; the whole text only where the channel is the webhook."""

    subject: str
    text: str
    arrived_at: float

    @property
    def severity(self) -> str:
        """page, notice or recovery."""
        found = re.match(r"\[(\w+)\]", self.subject)
        return found[1] if found else "none"

    def line(self, name: str) -> str:
        """What the text says after `name: `."""
        found = re.search(rf"^{name}: (.*)$", self.text, re.MULTILINE)
        return found[1] if found else ""


class Inbox:
    """A mail server and a webhook."""

    def __init__(self) -> None:
        self.mail, self.chat = MailSink(), WebhookSink()
        self.mail.mails, self.chat.texts = Arrivals(), Arrivals()

    def mails(self) -> list[Message]:
        """All mails, in order."""
        found = zip(list(self.mail.mails), self.mail.mails.times, strict=False)  # type: ignore[attr-defined]
        return [Message(letter["Subject"], "", at) for (_, letter), at in found]

    def chats(self) -> list[Message]:
        """All posts, in order."""
        found = zip(list(self.chat.texts), self.chat.texts.times, strict=False)  # type: ignore[attr-defined]
        return [Message(text.splitlines()[0], text, at) for text, at in found]

    def count(self) -> int:
        """How many messages came through the channel that has more of them."""
        return max(len(self.mail.mails), len(self.chat.texts))

    def subjects(self, known: int) -> list[str]:
        """Subjects of the messages after the first few."""
        return [message.subject for message in (self.chats()[known:] or self.mails()[known:])]

    def wait_for(self, number: int, seconds: float) -> None:
        """Return once each channel has so many messages, or after some seconds."""
        end = time.monotonic() + seconds
        while min(len(self.mail.mails), len(self.chat.texts)) < number and time.monotonic() < end:
            time.sleep(0.05)
