"""The failure of a check."""


class Failure(AssertionError):
    """The plugin breaks a promise; the message is a sentence for its author."""


def require(condition: object, otherwise: str) -> None:
    """Raise `Failure` with the sentence `otherwise`, unless the condition is true."""
    if not condition:
        raise Failure(otherwise)
