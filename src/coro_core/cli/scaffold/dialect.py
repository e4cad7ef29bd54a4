"""The protocols that a new plugin can begin with."""

from enum import StrEnum


class Dialect(StrEnum):
    """The provider's protocol."""

    OPENAI = "openai"
    """OpenAI's chat dialect, which many providers share."""
    OWN = "own"
    """A protocol of the provider's own: the plugin holds a worked example, to be replaced."""
