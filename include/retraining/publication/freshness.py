"""`make freshness`: one line about what readers see and how old it is.

Exit code of this module (make has its own): 0 fresh; 1 not fresh; 2 nobody can tell, which says nothing against what
readers see.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic_settings import SettingsConfigDict

from include.retraining.errors import HigawariError
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.settings import RetrainingSettings, load_settings
from include.retraining.tables import PUBLICATIONS

if TYPE_CHECKING:
    from include.retraining.publication.switch_log import Switch
    from include.retraining.warehouse.protocol import Warehouse


MINUTES_OF_AN_HOUR, HOURS_OF_A_DAY = 60, 24


class MachinerySettings(RetrainingSettings):
    """The machinery's sections of a use case's config file."""

    model_config = SettingsConfigDict(extra="ignore")


def freshness(warehouse: Warehouse, now: datetime) -> tuple[bool, str]:
    """(fresh, line): fresh while the current publication's valid_until lies ahead."""
    log = read_switch_log(warehouse)
    if log.current is None or log.last_move is None:
        return False, "readers see nothing: there is no publication yet"
    rows = warehouse.read(PUBLICATIONS, {"publication_id": log.current}).to_pylist()
    valid_until = max(row["valid_until"] for row in rows)
    age = age_in_words(now - log.last_move.switched_at)
    return now < valid_until, f"readers see {log.current}, switched {age} ago: {shelf_life(valid_until, now)}"


def age_in_words(age: timedelta) -> str:
    """In the largest unit that there is one of: `2 min`, `5 h`, `3 days`."""
    minutes = round(age.total_seconds()) // 60
    if minutes < MINUTES_OF_AN_HOUR:
        return f"{minutes} min"
    hours = minutes // MINUTES_OF_AN_HOUR
    return f"{hours} h" if hours < 2 * HOURS_OF_A_DAY else f"{hours // HOURS_OF_A_DAY} days"


def shelf_life(valid_until: datetime, now: datetime) -> str:
    """Until when lists are fresh, or since when they are not."""
    return f"{'fresh until' if now < valid_until else 'STALE since'} {valid_until:%Y-%m-%d %H:%M} UTC"


def hold_in_words(held: Switch | None) -> str:
    """What follows the line where later runs are held."""
    if held is None:
        return ""
    since = f"{held.switched_at:%Y-%m-%d %H:%M} UTC"
    return f"; later runs are HELD since {since} by {held.who} ({held.why}): release with rollback_publication"


def main() -> int:
    """Print the line for the configured warehouse."""
    from include.retraining.warehouse.open import open_for_reading

    try:
        settings = load_settings(MachinerySettings)
        warehouse = open_for_reading(settings)
        fresh, line = freshness(warehouse, datetime.now(UTC))
        held = read_switch_log(warehouse).held_by(settings.publication.after_rollback)
    except HigawariError as error:
        print(error)
        return 2
    except Exception as error:  # noqa: BLE001 (a traceback ends with 1, which says that lists are not fresh)
        print(f"nobody can tell what readers see: {type(error).__name__}: {' '.join(str(error).split())}")
        return 2
    print(line + hold_in_words(held))
    return 0 if fresh else 1


if __name__ == "__main__":
    sys.exit(main())
