"""Errors of the embedded Airflow."""

from include.retraining.errors import PermanentError, TransientError


class EmbeddedAirflowError(PermanentError):
    """The embedded Airflow cannot be started or stopped as asked."""

    runbook_section = "embedded-airflow-error"


class AirflowApiError(TransientError):
    """Airflow's REST API refused a request, or did not answer in time."""

    runbook_section = "airflow-api-error"
