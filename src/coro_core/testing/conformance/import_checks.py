"""What it costs to have a plugin installed, and to open it: seen in a fresh process."""

from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("What it costs to have it")


@CHECKS.add(
    "import-light",
    "Importing it and listing its models loads no package from elsewhere: no SDK, no HTTP client.",
    needs=("answer", "models-are-data"),
)
async def _import_light(subject: PluginUnderTest) -> str:
    seen = await subject.fresh()
    require(not seen.at_import, f"Its import loads {', '.join(seen.at_import)}.")
    return cost(seen.import_seconds, seen.import_megabytes)


@CHECKS.add(
    "unconfigured-light",
    "Without a key, no SDK and no HTTP client is loaded either.",
    needs=("import-light", "key-missing"),
)
async def _unconfigured_light(subject: PluginUnderTest) -> None:
    seen = await subject.fresh()
    require(not seen.without_key, f"Without a key it loads {', '.join(seen.without_key)}.")


@CHECKS.add(
    "loading-off-loop",
    "What opening loads is loaded in a thread: the server answers others meanwhile.",
    needs=("answer", "models-are-data"),
)
async def _loading_off_loop(subject: PluginUnderTest) -> str:
    seen = await subject.fresh()
    require(not seen.on_loop, f"Opening loads {', '.join(seen.on_loop)} on the event loop.")
    return cost(seen.open_seconds, seen.open_megabytes)


@CHECKS.add(
    "silent",
    "Opened, called and closed, it writes nothing to standard output and error, nor does its SDK.",
    needs=("answer", "models-are-data"),
)
async def _silent(subject: PluginUnderTest) -> None:
    seen = await subject.fresh()
    require(not seen.printed, f"It writes: {seen.printed[:200]}")


def cost(seconds: float, megabytes: float | None) -> str:
    """Put a cost into words."""
    return f"{seconds * 1000:.0f} ms" + ("" if megabytes is None else f", {megabytes:.1f} MB")
