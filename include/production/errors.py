"""Errors of setting up a production Airflow."""

from include.retraining.errors import PermanentError


class ProductionError(PermanentError):
    """The containers cannot be set up as asked."""

    runbook_section = "production-error"
