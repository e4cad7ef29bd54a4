"""Plugins made on the fly, installed as real distributions that entry points find."""

import asyncio
import importlib
import sys
import types
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from coro_core import GenerateRequest, Generation, Model, Usage, hookimpl
from coro_core.plugins.registry import PluginRegistry

REAL_PLUGINS = ("deepseek", "gemini", "groq", "openai")
NO_REAL_PLUGINS = {"CORO_DISABLED_PLUGINS": ",".join(REAL_PLUGINS)}


def model(model_id: str, *candidates: str, provider: str = "Acme") -> Model:
    """Return a model of a provider that does not exist."""
    return Model(
        id=model_id,
        name=model_id.title(),
        provider=provider,
        cost="free",
        candidates=candidates or (f"{model_id}-upstream",),
    )


class Echo:
    """A plugin that answers at once with the prompt; the base of most plugins in the tests."""

    coro_contract = 1
    models: Sequence[Model] = (model("echo"),)

    @hookimpl
    def coro_list_models(self) -> Any:
        return self.models

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Any:
        return await self.generate(request)

    async def generate(self, request: GenerateRequest) -> Any:
        return answer(request.prompt)


class Rendezvous(Echo):
    """A plugin whose calls all wait until as many as it has models are in flight."""

    def __init__(self) -> None:
        self._barrier = asyncio.Barrier(len(self.models))

    async def generate(self, request: GenerateRequest) -> Any:
        await self._barrier.wait()
        return answer("met")


class Named(Echo):
    """A plugin beside Echo, with a model of its own."""

    models = (model("named"),)

    async def generate(self, request: GenerateRequest) -> Any:
        return answer("named")


@asynccontextmanager
async def opened(plugins: PluginRegistry) -> AsyncIterator[None]:
    """Open every plugin, wait until that is done, and close them at the end."""
    async with plugins.start(timeout=30):
        await plugins.wait_ready()
        yield


def answer(text: str) -> Generation:
    """Return an answer of three tokens."""
    return Generation(text=text, usage=Usage(input_tokens=2, output_tokens=3))


class Installer:
    """Installs distributions below a directory that is on `sys.path`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._modules: list[str] = []

    def add(self, name: str, plugin: type, *, dist: str = "", version: str = "1.0") -> None:
        """Install a class of the test itself as the plugin `name`."""
        module_name = f"installed_{name}_{len(self._modules)}"
        module = types.ModuleType(module_name)
        module.Plugin = plugin  # type: ignore[attr-defined]
        sys.modules[module_name] = module
        self._modules.append(module_name)
        self._describe(dist or f"coro-{name}", version, {name: f"{module_name}:Plugin"})

    def add_source(
        self, name: str, source: str, *, version: str = "1.0", value: str | None = None
    ) -> None:
        """Install a module with the given source; other processes can load it as well."""
        module_name = f"source_{name}"
        (self.directory / f"{module_name}.py").write_text(source)
        self._modules.append(module_name)
        self._describe(f"coro-{name}", version, {name: value or f"{module_name}:Plugin"})

    def remove_all(self) -> None:
        """Forget the modules that were made."""
        for name in self._modules:
            sys.modules.pop(name, None)

    def _describe(self, dist: str, version: str, plugins: Mapping[str, str]) -> None:
        info = self.directory / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        lines = "".join(f"{name} = {value}\n" for name, value in plugins.items())
        (info / "entry_points.txt").write_text(f"[coro]\n{lines}")
        # The import system remembers what a folder held, and notices no change within a tick.
        importlib.invalidate_caches()
