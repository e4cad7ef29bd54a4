"""What an author says of a plugin to be, judged one by one. Each mistake is one sentence."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coro_core.contract.errors import SettingsError
from coro_core.contract.types import Model
from coro_core.kit import base_url

MAX_NAME_CHARS = 24
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TITLE = re.compile(r"[^\W_][\w .&+()-]{0,38}[\w.)+]|[^\W_]")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_UPSTREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,63}")
_EXAMPLE = "https://api.acme.example/v1"


class Dialect(StrEnum):
    """What the provider speaks."""

    OPENAI = "openai"
    """OpenAI's chat dialect, which many share."""
    OWN = "own"
    """Another one: a worked example is written, to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInputs:
    """A plugin to be."""

    name: str
    """Its entry point's name: what `plugin:name` and CORO_DISABLED_PLUGINS say."""
    title: str
    """The provider, for people."""
    models: Sequence[Model]
    base_url: str
    dialect: Dialect
    key: str
    """The variable that holds the key."""

    @property
    def distribution(self) -> str:
        """What pip installs."""
        return f"coro-{self.name}"

    @property
    def package(self) -> str:
        """What Python imports."""
        return f"coro_{self.name.replace('-', '_')}"

    @property
    def address(self) -> str:
        """The variable that holds another address than `base_url`."""
        return f"{prefix(self.name)}_BASE_URL"

    @property
    def plugin(self) -> str:
        """The plugin's class."""
        return "".join(part.capitalize() for part in self.name.split("-")) + "Plugin"


def prefix(name: str) -> str:
    """Return what the plugin's variables begin with."""
    return name.replace("-", "_").upper()


def usual_title(name: str) -> str:
    """Return what a provider is called when nothing is said."""
    return name.replace("-", " ").title()


def judged_name(name: str) -> str:
    """Return the name. Raises `SettingsError`.

    One that is normal as https://peps.python.org/pep-0503/ has it, so that the distribution, the
    package and the entry point are spelt alike everywhere.
    """
    if name.startswith("coro-"):
        raise SettingsError(f"say {name.removeprefix('coro-')}: coro- is put before it anyway.")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise SettingsError(
            f"{name[:40]!a} cannot be a plugin's name: a letter, then letters, digits and single"
            f" hyphens, all lower case, at most {MAX_NAME_CHARS}."
        )
    if name == "core":
        raise SettingsError("coro-core is the core itself; take another name.")
    return name


def judged_base_url(address: str) -> str:
    """Return the address, without a slash at the end. Raises `NotConfigured` or
    `SettingsError`, a sentence either.
    """
    if '"' in address or "\\" in address or not address.isascii():
        raise SettingsError(f"--base-url must be plain ASCII, such as {_EXAMPLE}.")
    return base_url({"--base-url": address}, "--base-url", _EXAMPLE)


def judged_title(title: str) -> str:
    """Return the provider's name for people. Raises `SettingsError`."""
    if not _TITLE.fullmatch(title):
        raise SettingsError(
            "--title takes 1 to 40 letters, digits, spaces and . & + ( ) -, a letter first."
        )
    return title


def judged_models(entries: Iterable[str], title: str) -> Sequence[Model]:
    """Return the models of entries such as `id=upstream-name`. Raises `SettingsError`."""
    models = [_model(entry.strip(), title) for entry in entries]
    if not models:
        raise SettingsError("a plugin offers at least one model: --model id=upstream-name.")
    for taken, values in (
        ("id", [model.id for model in models]),
        ("upstream name", [model.candidates[0] for model in models]),
    ):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise SettingsError(f"--model gives the {taken} {twice[0]} twice.")
    return models


def judged_key(variable: str, name: str) -> str:
    """Return the key's variable, for the plugin of that name. Raises `SettingsError`."""
    if not _VARIABLE.fullmatch(variable):
        raise SettingsError(
            f"{variable[:40]!a} cannot be the key's variable: a letter, then letters, digits and _,"
            " all upper case, at most 40."
        )
    if variable.startswith("CORO_") or variable == f"{prefix(name)}_BASE_URL":
        raise SettingsError(f"{variable} has a meaning of its own; take {prefix(name)}_API_KEY.")
    return variable


def _model(entry: str, title: str) -> Model:
    public, equals, upstream = entry.partition("=")
    upstream = upstream if equals else public
    if not _UPSTREAM.fullmatch(upstream):
        raise SettingsError(
            f"--model {entry[:80]!a}: the provider's own name is 1 to 64 letters, digits and"
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
