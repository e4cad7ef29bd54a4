"""The core's settings, and the only code that reads the environment and `.env`.

The environment wins over `.env`. Plugins get the same values as a plain mapping; no other module
reads `os.environ`.
"""

import difflib
import os
import re
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from coro_core.contract.errors import SettingsError

MAX_DOTENV_CHARACTERS = 131_072
"""The size that Linux allows for one variable. A longer `.env` is refused: the parser needs seconds
and a hundred times the memory for a file of a few times this size."""

_RENAMED = {"CORO_MODEL_TIMEOUT": "CORO_TIMEOUT", "CORO_TOTAL_TIMEOUT": "CORO_TIMEOUT"}


def _split(value: object) -> object:
    """Turn `a, b` into a tuple; leave other types to pydantic."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _lower(value: object) -> object:
    """Read `INFO` as `info`; leave other types to pydantic."""
    return value.strip().lower() if isinstance(value, str) else value


def is_host(text: str) -> bool:
    """Return True if `text` can be a host's name or address. Asks no resolver."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return text.isprintable()


def _host(value: str) -> str:
    """Reject text that asyncio and the socket would fail on later."""
    if not is_host(value):
        raise PydanticCustomError("host", "Input should be the name or an address of a host")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """The core's settings. A field's variable is `CORO_` and its name; `port` is `PORT`."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    port: int = Field(
        8000, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one."
    )
    host: Annotated[str, AfterValidator(_host)] = Field(
        "127.0.0.1", description="Address to listen on; 0.0.0.0 for all addresses."
    )
    timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that a whole request may take, retries included."
    )
    max_models: int = Field(20, ge=1, le=1000, description="Most models in one request.")
    max_prompt_chars: int = Field(
        100_000, ge=1, le=10_000_000, description="Most characters in a prompt."
    )
    max_tokens: int = Field(
        8192, ge=1, le=1_000_000, description="Highest max_tokens that a request may ask for."
    )
    max_body_bytes: int = Field(
        1_048_576, ge=1024, le=104_857_600, description="Most bytes in a request body."
    )
    max_in_flight: int = Field(
        256, ge=1, le=100_000, description="Most chat requests in flight; further ones get a 503."
    )
    body_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that a request body may take to arrive."
    )
    shutdown_grace: int = Field(
        8, ge=0, le=300, description="Seconds that requests in flight may take after a stop signal."
    )
    plugin_timeout: float = Field(
        20.0, gt=0, le=300, description="Seconds that a plugin may take to start."
    )
    disabled_plugins: Names = Field(
        (), description="Plugins that are not imported, separated by commas."
    )
    strict_plugins: bool = Field(
        False, description="Refuse to start if a plugin failed or was rejected."
    )
    https_proxy: str = Field(
        "",
        description="Proxy for the plugins' https calls: http://host:port, with user:password@"
        " where it asks for one.",
        repr=False,
    )
    ca_file: str = Field(
        "", description="PEM file of certificates that plugins trust besides the public ones."
    )
    on_retired: Annotated[Literal["substitute", "error"], BeforeValidator(_lower)] = Field(
        "substitute",
        description="For a retired model: substitute lets its fallback answer, error names it.",
    )
    discovery_interval: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="Seconds between refreshes of the providers' model lists; 0 turns them off.",
    )
    cors_origins: Names = Field(
        ("*",), description="Origins that browsers may call from, separated by commas."
    )
    ui: bool = Field(True, description="Serve the compare page at /.")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field("info", description="Lowest level that is logged.")
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = Field(
        "auto", description="auto is console on a terminal and json elsewhere."
    )
    demo: bool = Field(False, description="Answer from the plugins' simulators, without keys.")
    demo_fail: Names = Field(
        (),
        description="Providers that fail in the demo: plugin=error_code, separated by commas.",
    )


def variable(field: str) -> str:
    """Return the environment variable of a field of `Settings`."""
    return "PORT" if field == "port" else f"CORO_{field.upper()}"


def read_environ(
    environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env")
) -> dict[str, str]:
    """Return the variables of `dotenv` if that file exists, overridden by the environment.

    A `$` in a value is not expanded, because keys may contain one. Raises `SettingsError` if the
    file exists and cannot be read, or is longer than `MAX_DOTENV_CHARACTERS`.
    """
    pairs = dotenv_values(stream=StringIO(_text(dotenv)), interpolate=False)
    values = {name: value for name, value in pairs.items() if value is not None}
    return {**values, **environ}


def _text(dotenv: Path) -> str:
    """Return the file's text, empty if there is no file. Raises `SettingsError`."""
    try:
        with dotenv.open(encoding="utf-8-sig") as stream:
            text = stream.read(MAX_DOTENV_CHARACTERS + 1)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise SettingsError(f"{dotenv} cannot be read: {exc.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{dotenv} cannot be read: it is not UTF-8 text.") from None
    if len(text) > MAX_DOTENV_CHARACTERS:
        raise SettingsError(
            f"{dotenv} cannot be read: it has more than {MAX_DOTENV_CHARACTERS:,} characters."
        )
    return text


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`. Blank variables are ignored.

    Raises `SettingsError`: one line that names every invalid variable and the reason.
    """
    values = {
        field: environ[variable(field)]
        for field in Settings.model_fields
        if environ.get(variable(field), "").strip()
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        problems = (
            f"{variable(str(error['loc'][0]))}: {error['msg'].removeprefix('Input ')}"
            for error in exc.errors(include_url=False, include_input=False, include_context=False)
        )
        raise SettingsError("; ".join(problems) + ".") from None


def misspelt(environ: Mapping[str, str], plugins: Collection[str] = ()) -> list[str]:
    """Return a sentence for each `CORO_` variable that looks like a misspelt or renamed setting.

    A variable that begins with `CORO_` and a plugin's name belongs to that plugin.
    """
    known = [variable(field) for field in Settings.model_fields]
    theirs = tuple(f"CORO_{re.sub('[^A-Z0-9]', '_', name.upper())}_" for name in plugins)
    sentences = []
    for name in sorted(environ):
        if name.startswith("CORO_") and name not in known and not name.startswith(theirs):
            renamed = [_RENAMED[name]] if name in _RENAMED else []
            near = renamed or difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            sentences += [f"{name} is not a setting; did you mean {near[0]}?"] if near else []
    return sentences
