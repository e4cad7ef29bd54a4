"""How a check fails."""


class Failure(AssertionError):
    """The plugin does not keep a promise; the message says how, in a sentence for its author."""


def require(kept: object, otherwise: str) -> None:
    """Raise `Failure` with a sentence, unless the promise is kept."""
    if not kept:
        raise Failure(otherwise)
