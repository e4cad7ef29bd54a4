"""How a check fails."""


class Broken(AssertionError):
    """The plugin does not keep a promise; the message says how, in a sentence for its author."""


def demand(kept: object, otherwise: str) -> None:
    """Raise `Broken` with a sentence, unless the promise is kept."""
    if not kept:
        raise Broken(otherwise)
