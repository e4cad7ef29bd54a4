"""The settings of DeepSeek: the variables, and how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coro_core.kit import api_key, base_url

KEY = "DEEPSEEK_API_KEY"
KEY_HELP = "get one at https://platform.deepseek.com/api_keys"
"""Where a key comes from, for a person."""

ADDRESS = "DEEPSEEK_BASE_URL"
DEFAULT_ADDRESS = "https://api.deepseek.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """One key for one address."""

    key: str = field(repr=False)
    address: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises `NotConfigured` when the key is missing, or one is unusable."""
    return Settings(
        key=api_key(environ, KEY, help=KEY_HELP),
        address=base_url(environ, ADDRESS, DEFAULT_ADDRESS),
    )
