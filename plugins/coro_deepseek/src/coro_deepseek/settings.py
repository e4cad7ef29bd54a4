"""The settings of DeepSeek: the variables, and reading them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coro_core.kit import api_key, base_url

PROVIDER = "DeepSeek"
"""The company that runs the models, for people."""

KEY = "DEEPSEEK_API_KEY"
KEY_HELP = "get one at https://platform.deepseek.com/api_keys"
"""The source of a key, for people."""

ADDRESS = "DEEPSEEK_BASE_URL"
DEFAULT_ADDRESS = "https://api.deepseek.com"


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
        address=base_url(environ, ADDRESS, DEFAULT_ADDRESS),
    )
