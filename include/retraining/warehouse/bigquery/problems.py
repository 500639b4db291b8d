"""What BigQuery says went wrong, as errors that teach: which of them a later try may mend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from include.retraining.errors import CostLimitError, PermanentError, SettingsError, TransientError
from include.retraining.warehouse.commits import retry_commits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.retraining.warehouse.table import Table

CREATE = "python -m include.retraining.warehouse.bigquery.create_dataset"
# The last three are the emulator's; it says the last two where BigQuery finds an outdated etag.
LOST_RACE = re.compile(
    "concurrent update|could not serialize access|transaction is aborted|failed to commit"
    r"|conflict on update|column with name \S+ already exists"
)
# A table was changed after it was looked at.
PRECONDITION_FAILED = 412
PASSES = {
    "backendError", "internalError", "jobBackendError", "jobRateLimitExceeded", "quotaExceeded", "rateLimitExceeded",
}  # fmt: skip
SHOWN = 600
TRIES = 30
SECONDS_BETWEEN_TRIES = (0.2, 15.0)
T = TypeVar("T")


class LostRaceError(Exception):
    """Another transaction changed the same table meanwhile; nothing of this one was written."""


def retry_lost_races(table: Table, write: Callable[[], T]) -> T:
    """Repeat what lost a race; CommitConflictError after the last try."""
    return retry_commits(table, write, LostRaceError, TRIES, SECONDS_BETWEEN_TRIES)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise errors of the client as ours; `what` was being done."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    try:
        yield
    except GoogleAPICallError as error:
        raise _explained(what, error) from error
    except (RetryError, TransportError, RequestException, TimeoutError) as error:
        raise TransientError(f"an answer of BigQuery ({what})", str(error)[:SHOWN], "let the retry run") from error
    except GoogleAuthError as error:
        raise SettingsError(
            "credentials that BigQuery takes",
            str(error)[:SHOWN],
            "mend the Airflow connection that bigquery.connection names",
        ) from error


def _explained(what: str, error: Any) -> Exception:
    said = str(getattr(error, "message", error))[:SHOWN]
    # Errors of the Storage API carry the call itself instead of reasons.
    reasons = {str(entry.get("reason")) for entry in error.errors or () if isinstance(entry, Mapping)}
    if error.code == PRECONDITION_FAILED or LOST_RACE.search(said.lower()):
        return LostRaceError(said)
    if "bytesBilledLimitExceeded" in reasons or "bytes billed" in said.lower():
        return CostLimitError(
            f"{what} to bill at most bigquery.maximum_bytes_billed",
            said,
            "look at what it reads; raise the limit if the data have grown",
        )
    if reasons & PASSES or error.code == 429 or (error.code or 0) >= 500:
        return TransientError(f"BigQuery to do its work ({what})", said, "let the retry run")
    if error.code in (401, 403):
        return SettingsError(f"the right to {what}", said, "grant the roles that docs/bigquery.md lists")
    if error.code == 404:
        return SettingsError(
            f"the project, dataset and location of [bigquery] ({what})", said, f"mend them, or make it: {CREATE}"
        )
    return PermanentError(f"a statement that BigQuery accepts ({what})", said, "mend the statement, or the rows")
