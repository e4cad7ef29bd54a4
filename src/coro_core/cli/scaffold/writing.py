"""Fill the templates, and write the files of a new plugin."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import coro_core
from coro_core.cli.scaffold.dialect import Dialect
from coro_core.cli.scaffold.inputs import PluginInputs
from coro_core.contract.errors import SettingsError
from coro_core.contract.hookspecs import CONTRACT_VERSION

_COMMON = {
    ".github/workflows/release.yml": "release.yml",
    ".gitignore": "gitignore",
    "CHANGELOG.md": "CHANGELOG.md",
    "LICENSE": "LICENSE",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "src/{package}/__init__.py": "init.py",
    "src/{package}/plugin.py": "plugin.py",
    "src/{package}/settings.py": "settings.py",
    "tests/conftest.py": "conftest.py",
    "tests/test_contract.py": "test_contract.py",
}
_OPENAI = {
    "src/{package}/error_mapping.py": "error_mapping.py",
    "src/{package}/simulator.py": "simulator.py",
    "src/{package}/client.py": "client.py",
    "tests/test_plugin.py": "test_plugin.py",
    "tests/test_error_mapping.py": "test_error_mapping.py",
}
_OWN = {"src/{package}/dialect.py": "dialect.py", **_OPENAI}
_ROWS = [
    "| `client.py` | the provider client: sends the requests |",
    "| `error_mapping.py` | the reason for each failed call |",
]
_OWN_ROWS = ["| `dialect.py` | the request bodies, and the readers of the replies |", *_ROWS]
_LATENCY_SECONDS = 1.0
"""Latency of a simulated model in the demo."""


class _Template(string.Template):
    """A template with a delimiter that has no meaning in Python, YAML and Markdown."""

    delimiter = "@@"


def distribution(inputs: PluginInputs) -> Mapping[str, str]:
    """Return every file of the distribution: its path, with slashes, and its text."""
    dialect = inputs.dialect.value
    files = {path: f"common/{name}" for path, name in _COMMON.items()}
    own = _OWN if inputs.dialect is Dialect.OWN else _OPENAI
    files |= {path: f"{dialect}/{name}" for path, name in own.items()}
    values = _values(inputs)
    filled = {
        path.format(package=inputs.package): _Template(_template(name)).substitute(values)
        for path, name in files.items()
    }
    return {**filled, f"src/{inputs.package}/py.typed": ""}


def write(files: Mapping[str, str], directory: Path) -> None:
    """Write the files below a directory that does not exist yet, or is empty.

    Raises `SettingsError` if the directory has files, cannot be written, or is in CORO's source.
    """
    target = directory.resolve()
    source = Path(coro_core.__file__).resolve().parents[2]
    if (source / "src" / "coro_core").is_dir() and target.is_relative_to(source):
        raise SettingsError(
            f"{directory} is inside CORO's own source, and a plugin is a project of its own;"
            " name another folder with --directory."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise SettingsError(
                f"{directory} exists and is not empty; name another folder with --directory."
            )
        for path, text in files.items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as exc:
        raise SettingsError(f"{directory} cannot be written: {exc.strerror}.") from exc


def core_requirement() -> str:
    """Return the requirement of a new plugin: this minor version, while CORO is at 0.x."""
    major, minor = version("coro-core").split(".")[:2]
    return f"coro-core>={major}.{minor},<{major}.{int(minor) + 1}"


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", f"{name}.tmpl").read_text("utf-8")


def _values(inputs: PluginInputs) -> Mapping[str, str | int]:
    models = inputs.models
    return {
        "name": inputs.name,
        "title": inputs.title,
        "distribution": inputs.distribution,
        "package": inputs.package,
        "plugin": inputs.plugin,
        "key": inputs.key,
        "address": inputs.address,
        "base_url": inputs.base_url,
        "core": core_requirement(),
        "contract": CONTRACT_VERSION,
        "year": datetime.now(UTC).year,
        "file_rows": "\n".join(_OWN_ROWS if inputs.dialect is Dialect.OWN else _ROWS),
        "first_id": models[0].id,
        "model_ids": ", ".join(model.id for model in models),
        "models": "\n".join(
            "            Model(\n"
            f'                id="{model.id}",\n'
            f'                name="{model.name}",\n'
            "                provider=PROVIDER,\n"
            f'                cost="{model.cost}",\n'
            f'                candidates=("{model.candidates[0]}",),\n'
            "            ),"
            for model in models
        ),
        "default_models": "\n".join(
            f'    "{model.candidates[0]}": {_LATENCY_SECONDS},' for model in models
        ),
        "ids": "\n".join(f'        "{model.id}",' for model in models),
        "model_rows": "\n".join(
            f"| `{model.id}` | {model.name} | `{model.candidates[0]}` |" for model in models
        ),
    }
