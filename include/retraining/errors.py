"""Errors that teach: what was expected, what was found, what to do next, where the runbook goes on."""

RUNBOOK = "docs/runbook.md"


class HigawariError(Exception):
    """Base of every error an operator may see."""

    runbook_section = "unexpected-error"
    retry_helps = False

    def __init__(self, expected: str, found: str, next_step: str) -> None:
        self.expected = expected
        self.found = found
        self.next_step = next_step
        super().__init__(
            f"Expected: {expected}\nFound: {found}\nNext step: {next_step}\nRunbook: {RUNBOOK}#{self.runbook_section}"
        )

    def __reduce__(self) -> tuple[type["HigawariError"], tuple[str, str, str]]:
        """Rebuild from the three parts: Airflow moves exceptions between processes."""
        return type(self), (self.expected, self.found, self.next_step)


class PermanentError(HigawariError):
    """The same input fails the same way again: retrying only delays the alert."""


class TransientError(HigawariError):
    """Storage, network or a lost race: a later try may well succeed."""

    runbook_section = "transient-error"
    retry_helps = True


class SettingsError(PermanentError):
    """A setting is unknown, impossible, or does not fit the champion."""

    runbook_section = "settings-error"


class AsOfDateError(PermanentError):
    """The date of the run cannot be used."""

    runbook_section = "as-of-date-error"


class LandedDataError(PermanentError):
    """Landed files cannot be read as the settings say."""

    runbook_section = "landed-data-error"


class TableSchemaError(PermanentError):
    """Rows do not fit the declared table, or the stored table does not fit the declaration."""

    runbook_section = "table-schema-error"


class CommitConflictError(TransientError):
    """Another process kept winning the commit race on one table."""

    runbook_section = "commit-conflict-error"


class CostLimitError(PermanentError):
    """A query would bill more than the settings allow."""

    runbook_section = "cost-limit-error"


class DataStopError(PermanentError):
    """The data verdict is `stop`: critical checks failed or a check crashed."""

    runbook_section = "data-stop-error"


class TrainingDataError(PermanentError):
    """There is too little to train or evaluate on."""

    runbook_section = "training-data-error"


class RegistryError(TransientError):
    """The model registry cannot be reached, or does not hold what the decision log says it should."""

    runbook_section = "registry-error"


class PublicationCheckError(PermanentError):
    """A staged publication broke a rule; readers keep the previous one."""

    runbook_section = "publication-check-error"


class PublicationVerifyError(PermanentError):
    """Readers did not get what was staged; the switch was taken back."""

    runbook_section = "publication-verify-error"


class OperationError(PermanentError):
    """A form asks for what cannot be done; nothing was changed."""

    runbook_section = "operation-error"


class ReadmissionError(PermanentError):
    """Rows that were asked for are not in quarantine, or cannot be let in."""

    runbook_section = "readmission-error"


class ErasureError(PermanentError):
    """A person cannot be forgotten as asked, or traces of them are left."""

    runbook_section = "erasure-error"


class RunsActiveError(TransientError):
    """A daily run is at work on the tables that an operation is about to change."""

    runbook_section = "runs-active-error"


class StepSkipped(Exception):  # noqa: N818 (it is no error)
    """Not an error: there is nothing for this step to do, and its message says why."""
