"""Give every test loopback alone, no settings of the developer, and fresh plugins."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coro_core.config.settings import Settings, variable
from support.network import confine_to_loopback
from support.plugins import Installer

pytest_plugins = ("support.faults.report_plugin", "support.workers")

_CONFINEMENT = confine_to_loopback()

# Variables of the developer's environment that change clients, SDKs and the output of commands.
# Removed at import: session fixtures start before any function fixture runs.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
for _name in (
    *_PROXIES,
    *map(str.upper, _PROXIES),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GEMINI_SDK", "FORCE_COLOR", "NO_COLOR", "COLUMNS"),
):
    os.environ.pop(_name, None)


def pytest_report_header() -> str:
    return f"network: {_CONFINEMENT}"


def pytest_collection_finish() -> None:
    """Keep all imported modules and collected tests out of later garbage collections.

    A full collection of them takes a sixth of a second, several times that on a busy machine.
    Meanwhile no event loop runs and deadlines pass.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty directory, without the settings and keys of the developer."""
    monkeypatch.chdir(tmp_path)
    for name in {variable(field) for field in Settings.model_fields} & set(os.environ):
        monkeypatch.delenv(name)
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("CORO_"):
            monkeypatch.delenv(name)


@pytest.fixture
def install(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installer]:
    """Install plugins for the time of one test."""
    directory = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(directory)
    installer = Installer(directory)
    yield installer
    installer.remove_all()
