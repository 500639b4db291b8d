"""The error of the simulator."""


class DemoError(ValueError):
    """Something asked of the simulator cannot be done; says what was expected, what was found, what to do next."""

    def __init__(self, expected: str, found: str, next_step: str) -> None:
        """Keep the three parts for whoever catches it."""
        self.expected = expected
        self.found = found
        self.next_step = next_step
        super().__init__(f"Expected: {expected}\nFound: {found}\nNext step: {next_step}")

    def __reduce__(self) -> tuple[type["DemoError"], tuple[str, str, str]]:
        """Rebuild from the three parts: exceptions move between processes."""
        return type(self), (self.expected, self.found, self.next_step)
