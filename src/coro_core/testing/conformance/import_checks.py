"""The costs of importing and opening a plugin, measured in a new process."""

from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Costs")


@CHECKS.add(
    "import-light",
    "Importing it and listing its models loads no third-party package: no SDK, no HTTP client.",
    depends_on=("answer", "models-are-data"),
)
async def _import_light(plugin: PluginUnderTest) -> str:
    seen = await plugin.probe()
    require(not seen.at_import, f"Its import loads {', '.join(seen.at_import)}.")
    return cost(seen.import_seconds, seen.import_megabytes)


@CHECKS.add(
    "unconfigured-light",
    "Without a key, it loads no SDK and no HTTP client either.",
    depends_on=("import-light", "key-missing"),
)
async def _unconfigured_light(plugin: PluginUnderTest) -> None:
    seen = await plugin.probe()
    require(not seen.without_key, f"Without a key it loads {', '.join(seen.without_key)}.")


@CHECKS.add(
    "loading-off-loop",
    "It loads modules in a thread when it opens: the event loop stays free.",
    depends_on=("answer", "models-are-data"),
)
async def _loading_off_loop(plugin: PluginUnderTest) -> str:
    seen = await plugin.probe()
    require(not seen.on_loop, f"Opening loads {', '.join(seen.on_loop)} on the event loop.")
    return cost(seen.open_seconds, seen.open_megabytes)


@CHECKS.add(
    "silent",
    "It and its SDK write nothing to standard output and error.",
    depends_on=("answer", "models-are-data"),
)
async def _silent(plugin: PluginUnderTest) -> None:
    seen = await plugin.probe()
    require(not seen.printed, f"It writes: {seen.printed[:200]}")


def cost(seconds: float, megabytes: float | None) -> str:
    """Return a cost as text."""
    return f"{seconds * 1000:.0f} ms" + ("" if megabytes is None else f", {megabytes:.1f} MB")
