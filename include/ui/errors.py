"""What a page cannot show."""

from include.retraining.errors import PermanentError


class NotThereError(PermanentError):
    """The address names something that is not there."""
