"""Errors of Google's client become ours: what a later try may mend is retried, the rest is not."""

from __future__ import annotations

import pytest

from include.retraining.errors import CostLimitError, PermanentError, SettingsError, TransientError
from tests.contract.emulator import why_not

pytestmark = [pytest.mark.service, pytest.mark.skipif(bool(why_not()), reason=str(why_not()))]


def said(code: int, message: str, reason: str) -> Exception:
    """An error as the client raises it."""
    from google.api_core.exceptions import from_http_status

    return from_http_status(code, message, errors=[{"reason": reason, "message": message}])


@pytest.mark.parametrize(
    ("code", "message", "reason", "kind"),
    [
        (400, "Query exceeded limit for bytes billed: 1000", "bytesBilledLimitExceeded", CostLimitError),
        (403, "Exceeded rate limits", "rateLimitExceeded", TransientError),
        (403, "Quota exceeded", "quotaExceeded", TransientError),
        (429, "Too many requests", "other", TransientError),
        (500, "Internal", "internalError", TransientError),
        (503, "Try later", "backendError", TransientError),
        (403, "Access Denied: Dataset x", "accessDenied", SettingsError),
        (404, "Not found: Dataset x", "notFound", SettingsError),
        (400, "Unrecognized name: nope", "invalidQuery", PermanentError),
    ],
)
def test_an_error_is_of_the_class_that_decides_about_a_retry(
    code: int, message: str, reason: str, kind: type[Exception]
) -> None:
    from include.retraining.warehouse.bigquery.problems import explained

    with pytest.raises(kind) as raised, explained("read events"):
        raise said(code, message, reason)
    assert type(raised.value) is kind
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("PERMISSION_DENIED", SettingsError), ("UNAVAILABLE", TransientError), ("RESOURCE_EXHAUSTED", TransientError),
        ("DEADLINE_EXCEEDED", TransientError), ("INVALID_ARGUMENT", PermanentError),
    ],
)  # fmt: skip
def test_so_is_one_of_the_storage_api_which_gives_no_reasons(status: str, kind: type[Exception]) -> None:
    import grpc
    from google.api_core.exceptions import from_grpc_error

    from include.retraining.warehouse.bigquery.problems import explained

    class Refused(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode[status]

        def details(self) -> str:
            return "as the service says it"

        def trailing_metadata(self) -> tuple[()]:
            return ()

    with pytest.raises(kind, match="as the service says it") as raised, explained("read events"):
        raise from_grpc_error(Refused())
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    "message",
    [
        "Transaction is aborted due to concurrent update against table p:d.t. Transaction ID: x",
        "Could not serialize access to table p:d.t due to concurrent update",
        "Column with name score already exists!",
        "Conflict on update!",
    ],
)
def test_a_lost_race_is_run_again(message: str) -> None:
    from include.retraining.warehouse.bigquery.problems import LostRaceError, explained

    with pytest.raises(LostRaceError), explained("write t"):
        raise said(400, message, "invalidQuery")


def test_a_column_that_is_not_there_is_no_lost_race() -> None:
    from include.retraining.warehouse.bigquery.problems import explained

    with pytest.raises(PermanentError), explained("write t"):
        raise said(400, 'Table "t" does not have a column with name "score"', "invalidQuery")


def test_no_network_is_retried_and_no_credentials_are_not() -> None:
    from google.auth.exceptions import RefreshError
    from requests.exceptions import ConnectionError as NoConnectionError

    from include.retraining.warehouse.bigquery.problems import explained

    with pytest.raises(TransientError), explained("read events"):
        raise NoConnectionError("refused")
    with pytest.raises(SettingsError, match=r"bigquery\.connection"), explained("read events"):
        raise RefreshError("expired")


def test_labels_are_of_the_letters_that_bigquery_takes() -> None:
    from include.retraining.warehouse.bigquery.labels import job_labels, label

    assert label("publish.score_users[3] ä") == "publish-score_users-3---"
    assert len(label("x" * 100)) == 63
    assert job_labels({"team": "Growth"}, "UTC") == {"team": "growth"}
