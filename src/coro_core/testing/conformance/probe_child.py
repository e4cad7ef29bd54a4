"""The program of the new process. It imports little, because it measures what is loaded."""

import asyncio
import importlib
import importlib.abc
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from coro_core.contract.errors import ProviderError
from coro_core.contract.types import GenerateRequest
from coro_core.plugins.adapter import PluginAdapter


class _Imports(importlib.abc.MetaPathFinder):
    """Records which third-party packages are loaded; finds none itself."""

    def __init__(self, own: Collection[str]) -> None:
        self._known = {*own, "coro_core", "pluggy", *sys.stdlib_module_names}
        self._before = set(sys.modules)
        self._thread = threading.get_ident()
        self.on_loop: set[str] = set()

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Record the imports of the event loop's own thread."""
        package = name.partition(".")[0]
        if package not in self._known and threading.get_ident() == self._thread:
            self.on_loop.add(package)

    def loaded(self) -> list[str]:
        """Return the third-party packages loaded since the start."""
        modules = set(sys.modules) - self._before
        return sorted({name.partition(".")[0] for name in modules} - self._known)


class _Cost:
    """The seconds and megabytes of a block."""

    seconds = 0.0
    megabytes: float | None = None

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure a block."""
        memory, start = _megabytes(), time.perf_counter()
        yield
        self.seconds = time.perf_counter() - start
        now = _megabytes()
        self.megabytes = None if memory is None or now is None else max(now - memory, 0.0)


def main() -> None:
    """Read the order from standard input; print the result after the plugin's own output."""
    order = json.load(sys.stdin)
    sys.path[:] = order.pop("path")
    seen = asyncio.run(_probe(**order))
    sys.stdout.write("\0" + json.dumps(seen))


async def _probe(
    module: str,
    name: str,
    own: Collection[str],
    environ: Mapping[str, str],
    simulated: Mapping[str, str],
) -> dict[str, object]:
    imports, importing, opening = _Imports(own), _Cost(), _Cost()
    with importing.measured():
        plugin: Any = importlib.import_module(module)
    for part in name.split("."):
        plugin = getattr(plugin, part)
    hooks = PluginAdapter(plugin)
    hooks.call("coro_list_models", environ=environ)
    at_import = imports.loaded()
    sys.meta_path.insert(0, imports)
    try:
        async with _opened(hooks, environ):
            # It opens without a key: these settings are all that one of its services needs.
            without_key: list[str] = []
    except ProviderError:
        without_key = imports.loaded()
    imports.on_loop.clear()
    hooks, settings = PluginAdapter(plugin), {**environ, **simulated}
    with opening.measured():
        manager = _opened(hooks, settings)
        await manager.__aenter__()
    on_loop = sorted(imports.on_loop)
    try:
        upstream = hooks.call("coro_list_models", environ=settings)[0].candidates[0]
        request = GenerateRequest(
            model=upstream, prompt="What is 2+2?", temperature=0.5, max_tokens=64, timeout=8
        )
        await hooks.call("coro_generate", request=request)
    finally:
        await manager.__aexit__(None, None, None)
    return {
        "import_seconds": importing.seconds,
        "import_megabytes": importing.megabytes,
        "open_seconds": opening.seconds,
        "open_megabytes": opening.megabytes,
        "at_import": at_import,
        "without_key": without_key,
        "on_loop": on_loop,
    }


@asynccontextmanager
async def _opened(hooks: PluginAdapter, environ: Mapping[str, str]) -> AsyncIterator[None]:
    if not hooks.implements("coro_lifespan"):
        yield
        return
    async with hooks.call("coro_lifespan", environ=environ):
        yield


def _megabytes() -> float | None:
    """Return the size of the resident set; `None` where the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    import resource

    return pages * resource.getpagesize() / 1e6
