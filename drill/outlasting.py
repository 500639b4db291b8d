"""A night of faults that outlast every retry: one alert each, then the operator clears the task."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from drill.equipment import misses_of_strikes
from drill.kinds import kind_of
from drill.report import Row
from drill.world import RUNBOOK_URL
from include.embedded.environment import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from drill.blows import Blow
    from drill.equipment import Equipment
    from drill.inbox import Message

ALERT_SECONDS = 90
logger = logging.getLogger("drill")


def outlasting_night(kit: Equipment, day: date, blows: Sequence[Blow]) -> list[Row]:
    """A row for each fault. The next one is armed before the task of the last one is cleared."""
    before, alerts = kit.inbox.count(), 0
    kit.hand.begin_anew(lasting=True)
    kit.folder.arm(blows[:1])
    run_id, rows = kit.control.trigger(day), []
    for blow, following in zip_longest(blows, blows[1:]):
        state = kit.control.wait(run_id)
        if kind_of(blow.task_id).name == "announce":
            rows.append(_quiet_row(kit, blow, state))
        else:
            rows.append(_row(kit, blow, state, before + alerts, day))
            alerts += 1
        logger.info("%s", rows[-1])
        kit.hand.mend()
        next_blows = [following] if following else []
        kit.folder.arm(next_blows)
        # The next one too: what runs beside the failed task has already succeeded.
        kit.control.clear(run_id, blow, *next_blows)
    state = kit.control.wait(run_id)
    found = _misses_of_the_end(kit, day, state, before, alerts)
    return [*rows[:-1], replace(rows[-1], misses=(*rows[-1].misses, *found))] if rows else []


def _row(kit: Equipment, blow: Blow, state: str, known: int, day: date) -> Row:
    kit.inbox.wait_for(known + 1, ALERT_SECONDS)
    time.sleep(kit.settle_seconds)
    strikes, seen = kit.strikes(blow), kit.reader.now
    posts, mails = kit.inbox.chats()[known:], kit.inbox.mails()[known:]
    found = [*misses_of_strikes(strikes), *([] if state == "failed" else [f"the run ended {state}"])]
    seconds = None
    if len(posts) == len(mails) == 1 and strikes:
        seconds = max(posts[0].arrived_at, mails[0].arrived_at) - strikes[-1][0]
        found += _misses_of_alert(posts[0], mails[0], blow, seen, day)
    else:
        found += [f"{len(posts)} posts and {len(mails)} mails: {[message.subject for message in (*posts, *mails)]}"]
    kind = kind_of(blow.task_id).name
    readers = kit.readers_at(time.time())
    return Row(blow.fault, True, kind, blow.instance, seconds, readers, "by clearing the task", tuple(found))


def _quiet_row(kit: Equipment, blow: Blow, state: str) -> Row:
    """The announcement comes after everything: that it fails is told to nobody, and the run stays a success."""
    strikes = kit.strikes(blow)
    found = [*misses_of_strikes(strikes), *([] if state == "success" else [f"it took the run along: {state}"])]
    kind = kind_of(blow.task_id).name
    readers = kit.readers_at(time.time())
    return Row(blow.fault, True, kind, blow.instance, None, readers, "not needed: the day is done", tuple(found))


def _misses_of_alert(post: Message, mail: Message, blow: Blow, seen: str, day: date) -> list[str]:
    """What the one alert should say and does not."""
    section = kind_of(blow.task_id).section_for(blow.task_id, blow.fault)
    severity = "notice" if seen.startswith(str(day)) else "page"
    expected = {"Failed": blow.instance, "Runbook": f"{RUNBOOK_URL}#{section}"}
    wrong = [
        f"the alert says {name}: {post.line(name)}, not {value}"
        for name, value in expected.items()
        if post.line(name) != value
    ]
    return [
        *wrong,
        *([] if seen in post.line("Now") else [f"the alert says {post.line('Now')}, and readers see {seen}"]),
        *([] if post.severity == severity else [f"a {post.severity}, not a {severity}"]),
        *([] if mail.subject == post.subject else [f"the mail says {mail.subject}"]),
        *([] if section in runbook_sections() else [f"the runbook has no section {section}"]),
    ]


def _misses_of_the_end(kit: Equipment, day: date, state: str, before: int, alerts: int) -> list[str]:
    """The run is a success, its recovery was told once, and nothing else was told meanwhile."""
    recoveries = 1 if alerts else 0
    kit.inbox.wait_for(before + alerts + recoveries, ALERT_SECONDS)
    time.sleep(kit.settle_seconds)
    expected = alerts + recoveries
    told = [*kit.inbox.chats()[before:]]
    count = [message.severity for message in told].count("recovery")
    return [
        *([] if state == "success" else [f"the run of {day} ended {state}"]),
        *([] if count == recoveries else [f"{count} recoveries were told, not {recoveries}"]),
        *([] if len(told) == expected else [f"{len(told)} messages, not {expected}: {[m.subject for m in told]}"]),
        *([] if kit.reader.now.startswith(str(day)) else [f"readers see {kit.reader.now}"]),
    ]


def runbook_sections() -> set[str]:
    """The anchors of the runbook."""
    headings = re.findall(r"^#+ (.+)$", (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
