"""The settings of Gemini: the variables, and reading them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from urllib.parse import urlsplit

from coro_core import NotConfigured
from coro_core.kit import api_key, base_url
from coro_gemini.sdks import choose_sdk

PROVIDER = "Google"
"""The company that runs the models, for people."""

KEY = "GEMINI_API_KEY"
KEY_HELP = "get one at https://aistudio.google.com/apikey"
"""The source of a key, for people."""

ADDRESS = "GEMINI_BASE_URL"
DEFAULT_ADDRESS = "https://generativelanguage.googleapis.com"

SDK = "GEMINI_SDK"


@dataclass(frozen=True, slots=True)
class Settings:
    """One key for one address, and the distribution of the SDK to use."""

    key: str = field(repr=False)
    address: str
    sdk: str


def read_settings(
    environ: Mapping[str, str], *, installed_version: Callable[[str], str] = version
) -> Settings:
    """Return the settings, with `auto` resolved to an installed SDK.

    Blocks: it reads the metadata of installed distributions. Raises `NotConfigured` for a missing
    key and for a value that cannot be used.
    """
    key = api_key(environ, KEY, help=KEY_HELP)
    address = base_url(environ, ADDRESS, DEFAULT_ADDRESS)
    sdk = choose_sdk(environ.get(SDK, ""), SDK, installed_version)
    if urlsplit(address).path and sdk != "google-genai":
        # Only REST has paths; gRPC calls a host.
        help = f"give scheme, host and port only, or set {SDK}=google-genai"
        raise NotConfigured(ADDRESS, help=help, problem="holds a path")
    return Settings(key, address.removesuffix("/v1beta"), sdk)
