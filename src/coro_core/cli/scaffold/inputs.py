"""The inputs of a new plugin, and their validation. Each error is one sentence."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coro_core.cli.scaffold.dialect import Dialect
from coro_core.contract.errors import SettingsError
from coro_core.contract.types import Model
from coro_core.kit import base_url

MAX_NAME_CHARS = 24
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TITLE = re.compile(r"[^\W_][\w .&+()-]{0,38}[\w.)+]|[^\W_]")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_UPSTREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,63}")
_EXAMPLE = "https://api.acme.example/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInputs:
    """The validated inputs of a new plugin."""

    name: str
    """The entry point's name, as in `plugin:name` and CORO_DISABLED_PLUGINS."""
    title: str
    """The provider's name for people."""
    models: Sequence[Model]
    base_url: str
    dialect: Dialect
    key: str
    """The name of the variable that holds the key."""

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"coro-{self.name}"

    @property
    def package(self) -> str:
        """The name that Python imports."""
        return f"coro_{self.name.replace('-', '_')}"

    @property
    def address(self) -> str:
        """The name of the variable that replaces `base_url`."""
        return f"{prefix(self.name)}_BASE_URL"

    @property
    def plugin(self) -> str:
        """The name of the plugin's class."""
        return "".join(part.capitalize() for part in self.name.split("-")) + "Plugin"


def prefix(name: str) -> str:
    """Return the first part of the names of the plugin's variables."""
    return name.replace("-", "_").upper()


def default_title(name: str) -> str:
    """Return the provider's name for people, made from the plugin's name."""
    return name.replace("-", " ").title()


def validate_name(name: str) -> str:
    """Return the plugin's name. Raises `SettingsError`.

    Accepts normalized names only (https://peps.python.org/pep-0503/), so that distribution, package
    and entry point have the same spelling everywhere.
    """
    if name.startswith("coro-"):
        raise SettingsError(
            f"give {name.removeprefix('coro-')} as the name: coro- is put in front of it."
        )
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise SettingsError(
            f"{name[:40]!a} cannot be a plugin's name. Use a letter, then letters, digits and"
            f" single hyphens, all lower case, at most {MAX_NAME_CHARS} characters."
        )
    if name == "core":
        raise SettingsError("coro-core is the name of the core; choose another name.")
    return name


def validate_base_url(address: str) -> str:
    """Return the address, without a slash at the end.

    Raises `NotConfigured` or `SettingsError`.
    """
    if '"' in address or "\\" in address or not address.isascii():
        raise SettingsError(f"--base-url must be plain ASCII, such as {_EXAMPLE}.")
    return base_url({"--base-url": address}, "--base-url", _EXAMPLE)


def validate_title(title: str) -> str:
    """Return the provider's name for people. Raises `SettingsError`."""
    if not _TITLE.fullmatch(title):
        raise SettingsError(
            "--title takes 1 to 40 letters, digits, spaces and . & + ( ) -, a letter first."
        )
    return title


def validate_dialect(name: str) -> Dialect:
    """Return the dialect of that name. Raises `SettingsError`."""
    if name not in list(Dialect):
        raise SettingsError(f"the dialect must be {' or '.join(Dialect)}.")
    return Dialect(name)


def validate_models(entries: Iterable[str], title: str) -> Sequence[Model]:
    """Return the models of entries such as `id=upstream-name`. Raises `SettingsError`."""
    models = [_model(entry.strip(), title) for entry in entries]
    if not models:
        raise SettingsError("a plugin offers at least one model: give --model id=upstream-name.")
    for taken, values in (
        ("id", [model.id for model in models]),
        ("upstream name", [model.candidates[0] for model in models]),
    ):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise SettingsError(f"--model gives the {taken} {twice[0]} twice.")
    return models


def validate_key(variable: str, name: str) -> str:
    """Return the name of the key's variable, for the plugin `name`. Raises `SettingsError`."""
    if not _VARIABLE.fullmatch(variable):
        raise SettingsError(
            f"{variable[:40]!a} cannot be the key's variable. Use a letter, then letters, digits"
            " and _, all upper case, at most 40 characters."
        )
    if variable.startswith("CORO_") or variable == f"{prefix(name)}_BASE_URL":
        raise SettingsError(f"{variable} has another meaning already; use {prefix(name)}_API_KEY.")
    return variable


def _model(entry: str, title: str) -> Model:
    public, equals, upstream = entry.partition("=")
    upstream = upstream if equals else public
    if not _UPSTREAM.fullmatch(upstream):
        raise SettingsError(
            f"--model {entry[:80]!a}: the provider's own name must be 1 to 64 letters, digits and"
            " . _ : / @ + -."
        )
    try:
        return Model(
            id=public,
            name=re.sub("[._-]+", " ", public).strip().title() or public,
            provider=title,
            cost=f"see {title}",
            candidates=(upstream,),
        )
    except ValueError as exc:
        raise SettingsError(f"--model {entry[:80]!a}: {exc}.") from None
