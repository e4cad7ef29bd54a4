"""Time that a test sets itself."""


class Clock:
    """A clock that stands still until a test advances it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
