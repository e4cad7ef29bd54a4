"""Plugins that cannot be imported, validated or started: one bad plugin costs one plugin."""

import pytest

from coro_core.plugins.registry import PluginRegistry
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Installer, Named
from support.server import ask, running

GOOD_SOURCE = """
from support.plugins import Echo as Plugin
"""

# Each source, the state of its plugin, and a part of the reason.
BROKEN_SOURCES = {
    "import_error": ("import a_module_that_is_not_there", "failed", "ModuleNotFoundError"),
    "syntax_error": ("def (:", "failed", "SyntaxError"),
    "exits": ("raise SystemExit(3)", "failed", "SystemExit"),
    "no_class": ("Something = 1", "failed", "AttributeError"),
    "raising_constructor": (
        "class Plugin:\n coro_contract = 1\n def __init__(self): raise ValueError('secret')",
        "failed",
        "ValueError",
    ),
    "needs_arguments": (
        "class Plugin:\n coro_contract = 1\n def __init__(self, key): pass",
        "failed",
        "TypeError",
    ),
    "old_contract": ("class Plugin:\n coro_contract = 0", "rejected", "contract 0"),
    "new_contract": ("class Plugin:\n coro_contract = 2", "rejected", "contract 2"),
    "no_contract": ("class Plugin: pass", "rejected", "contract None"),
    "missing_hook": (
        "from coro_core import hookimpl\n"
        "class Plugin:\n coro_contract = 1\n @hookimpl\n def coro_list_models(self): return []",
        "rejected",
        "coro_generate",
    ),
    "wrong_signature": (
        "from coro_core import hookimpl\n"
        "class Plugin:\n coro_contract = 1\n @hookimpl\n def coro_generate(self, prompt): pass",
        "rejected",
        "prompt",
    ),
    "misspelt_hook": (
        "from coro_core import hookimpl\nfrom support.plugins import Echo\n"
        "class Plugin(Echo):\n @hookimpl\n def coro_livemodels(self): pass",
        "rejected",
        "coro_livemodels",
    ),
    "raising_list": (
        "from coro_core import hookimpl\nfrom support.plugins import Echo\n"
        "class Plugin(Echo):\n @hookimpl\n def coro_list_models(self): raise OSError('secret')",
        "failed",
        "OSError",
    ),
    "list_of_nothing": (
        "from support.plugins import Echo\nclass Plugin(Echo): models = None",
        "failed",
        "coro_list_models",
    ),
    "list_of_texts": (
        "from support.plugins import Echo\nclass Plugin(Echo): models = ['gpt']",
        "failed",
        "coro_list_models",
    ),
    "raising_sequence": (
        "from collections.abc import Sequence\nfrom support.plugins import Echo\n"
        "class Bad(Sequence):\n def __len__(self): raise SystemExit('secret')\n"
        " def __getitem__(self, place): raise IndexError\n"
        "class Plugin(Echo): models = Bad()",
        "failed",
        "SystemExit",
    ),
    "endless_list": (
        "from support.plugins import Echo, model\n"
        "class Plugin(Echo): models = (model('m'),) * 100_000",
        "failed",
        "coro_list_models",
    ),
    "raising_lifespan": (
        "from coro_core import hookimpl\nfrom support.plugins import Echo, model\n"
        "class Plugin(Echo):\n models = (model('m'),)\n"
        " @hookimpl\n def coro_lifespan(self): raise RuntimeError('secret')",
        "failed",
        "RuntimeError",
    ),
    "exiting_lifespan": (
        "from contextlib import asynccontextmanager\n"
        "from coro_core import hookimpl\nfrom support.plugins import Echo, model\n"
        "class Plugin(Echo):\n models = (model('m'),)\n"
        " @hookimpl\n @asynccontextmanager\n"
        " async def coro_lifespan(self):\n  raise SystemExit(3)\n  yield",
        "failed",
        "SystemExit",
    ),
    "lifespan_of_wrong_type": (
        "from coro_core import hookimpl\nfrom support.plugins import Echo, model\n"
        "class Plugin(Echo):\n models = (model('m'),)\n"
        " @hookimpl\n def coro_lifespan(self): return 7",
        "failed",
        "TypeError",
    ),
}


@pytest.mark.parametrize("name", BROKEN_SOURCES)
async def test_a_broken_plugin_is_reported_and_the_others_work(
    install: Installer, name: str
) -> None:
    source, state, reason = BROKEN_SOURCES[name]
    install.add_source("aaa", GOOD_SOURCE)
    install.add_source(name, source)
    install.add("zzz", Named)
    async with running(NO_REAL_PLUGINS) as client:
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
        response = await ask(client, "echo", "named")
    assert [row["response"] for row in response.json()["responses"]] == ["Hello", "named"]
    assert plugins[name]["state"] == state
    assert reason in plugins[name]["reason"]
    assert "secret" not in plugins[name]["reason"]
    assert "\n" not in plugins[name]["reason"]
    assert (plugins[name]["distribution"], plugins[name]["version"]) == (f"coro-{name}", "1.0")
    assert {plugins["aaa"]["state"], plugins["zzz"]["state"]} == {"ready"}


async def test_a_model_of_a_plugin_that_failed_is_listed_with_the_reason(
    install: Installer,
) -> None:
    source, _, _ = BROKEN_SOURCES["raising_lifespan"]
    install.add_source("broken", source)
    async with running(NO_REAL_PLUGINS) as client:
        [listed] = (await client.get("/models")).json()["models"]
        response = await ask(client, "m")
    assert (listed["id"], listed["available"]) == ("m", False)
    assert "RuntimeError" in listed["reason"]
    assert response.status_code == 503
    assert response.json()["responses"][0]["error_code"] == "plugin_fault"


def test_a_plugin_whose_folder_was_deleted_is_reported(install: Installer) -> None:
    install.add_source("stale", GOOD_SOURCE)
    (install.directory / "source_stale.py").unlink()
    record = PluginRegistry({}, disabled=REAL_PLUGINS).record("stale")
    assert record is not None
    assert record.state.value == "failed"
    assert "source_stale" in (record.reason or "")
