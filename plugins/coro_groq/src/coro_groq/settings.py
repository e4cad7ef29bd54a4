"""The settings of Groq: the variables, and reading them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coro_core.kit import api_key, base_url

PROVIDER = "Groq"
"""The company that runs the models, for people."""

KEY = "GROQ_API_KEY"
KEY_HELP = "get one at https://console.groq.com/keys"
"""The source of a key, for people."""

ADDRESS = "GROQ_BASE_URL"
DEFAULT_ADDRESS = "https://api.groq.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """One key for one address."""

    key: str = field(repr=False)
    address: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises `NotConfigured` for a missing key and for a value that cannot be used.
    """
    return Settings(
        key=api_key(environ, KEY, help=KEY_HELP),
        # The calls add /openai/v1 themselves; other programs want it in the address.
        address=base_url(environ, ADDRESS, DEFAULT_ADDRESS)
        .removesuffix("/v1")
        .removesuffix("/openai"),
    )
