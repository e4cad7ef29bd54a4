"""Every setting of the core, and the one place that reads the environment and `.env`.

The environment wins over `.env`. What is read here once is also what the plugins get, as a plain
mapping; nothing else in CORO looks at `os.environ`.
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
"""As much as Linux takes for one variable. The parser needs seconds, and a hundredfold the memory,
for a few of these files."""


def _split(value: object) -> object:
    """Turn `a, b` into a tuple; what is not text is left for pydantic to judge."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _lower(value: object) -> object:
    """Take `INFO` for `info`."""
    return value.strip().lower() if isinstance(value, str) else value


def is_host(text: str) -> bool:
    """Tell whether `text` could be the name or an address of a host; no resolver is asked."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return text.isprintable()


def _host(value: str) -> str:
    """Refuse here what asyncio and the socket would only fail on."""
    if not is_host(value):
        raise PydanticCustomError("host", "Input should be the name or an address of a host")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """The core's settings; each is the variable `CORO_` + its name, but for `PORT`."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 picks one.")
    host: Annotated[str, AfterValidator(_host)] = Field(
        "127.0.0.1", description="Address to listen on; 0.0.0.0 for every one."
    )
    model_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that one model may take, retries included."
    )
    total_timeout: float = Field(
        6.0, gt=0, le=60, description="Seconds that a whole request may take."
    )
    max_models: int = Field(20, ge=1, le=1000, description="Models that one request may name.")
    max_prompt_chars: int = Field(
        100_000, ge=1, le=10_000_000, description="Characters that a prompt may have."
    )
    max_tokens: int = Field(
        8192, ge=1, le=1_000_000, description="The most that a request's max_tokens may be."
    )
    max_body_bytes: int = Field(
        1_048_576, ge=1024, le=104_857_600, description="Bytes that a request's body may have."
    )
    max_in_flight: int = Field(
        256, ge=1, le=100_000, description="Chat requests at work at once; more get a 503."
    )
    body_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that a request's body may take to arrive."
    )
    shutdown_grace: int = Field(
        8, ge=0, le=300, description="Seconds that running requests are given when stopping."
    )
    plugin_timeout: float = Field(
        20.0, gt=0, le=300, description="Seconds that a plugin may take to start."
    )
    disabled_plugins: Names = Field(
        (), description="Plugins that are not even imported, separated by commas."
    )
    strict_plugins: bool = Field(
        False, description="Refuse to start when a plugin failed or was rejected."
    )
    on_retired: Annotated[Literal["substitute", "error"], BeforeValidator(_lower)] = Field(
        "substitute",
        description="What to do for a model that is no longer served: let its successor answer,"
        " or fail and name it.",
    )
    discovery_interval: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="Seconds between looks at the providers' own lists; 0 for none at all.",
    )
    cors_origins: Names = Field(
        ("*",), description="Origins that browsers may call from, separated by commas."
    )
    ui: bool = Field(True, description="The page at / that compares answers; off removes it.")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field("info", description="The least that is logged.")
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = Field(
        "auto", description="auto is console on a terminal and json elsewhere."
    )
    demo: bool = Field(
        False, description="Answer from the plugins' own simulators, without any key."
    )
    demo_fail: Names = Field(
        (),
        description="In the demo, providers that fail: plugin=error_code, separated by commas.",
    )


def variable(field: str) -> str:
    """Return the environment variable of a field of `Settings`."""
    return "PORT" if field == "port" else f"CORO_{field.upper()}"


def read_environ(
    environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env")
) -> dict[str, str]:
    """Return the environment over what `dotenv` holds, if it exists.

    Values in `.env` are taken as they stand: no `$` is expanded, since keys may hold one. Raises
    `SettingsError` when the file is there and cannot be read, or is larger than any such file.
    """
    pairs = dotenv_values(stream=StringIO(_text(dotenv)), interpolate=False)
    values = {name: value for name, value in pairs.items() if value is not None}
    return {**values, **environ}


def _text(dotenv: Path) -> str:
    """Return what the file holds, nothing if there is none. Raises `SettingsError`."""
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
    """Return the settings that `environ` holds; a variable that is blank counts as not set.

    Raises `SettingsError`: one line that names every variable that cannot be used, and why.
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
    """Return a sentence for each `CORO_` variable that looks like a setting with a slip in it.

    What begins with `CORO_` and the name of a plugin is that plugin's own.
    """
    known = [variable(field) for field in Settings.model_fields]
    theirs = tuple(f"CORO_{re.sub('[^A-Z0-9]', '_', name.upper())}_" for name in plugins)
    sentences = []
    for name in sorted(environ):
        if name.startswith("CORO_") and name not in known and not name.startswith(theirs):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            sentences += [f"{name} is not a setting; did you mean {near[0]}?"] if near else []
    return sentences
