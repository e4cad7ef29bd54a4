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
    """The address without /v1, which the calls add."""
    list_paths: tuple[str, str] = ("/models", "/v1/models")
    """The paths of the list. The second one is asked if the first one does not exist.

    DeepSeek has /models; a server that only speaks its dialect may have /v1/models alone.
    """


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises `NotConfigured` for a missing key and for a value that cannot be used.
    """
    key = api_key(environ, KEY, help=KEY_HELP)
    address = base_url(environ, ADDRESS, DEFAULT_ADDRESS)
    if address.endswith("/v1"):
        return Settings(key, address.removesuffix("/v1"), ("/v1/models", "/models"))
    return Settings(key, address)
