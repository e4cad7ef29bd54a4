"""The cases: each has CORO, its floor, and the obvious way to write the same."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import instant
from benchmarks.processes import ROOT, python

CHAT_MODELS = (
    "openai/gpt-oss-120b",
    "openai/gpt-oss-20b",
    "qwen/qwen3.6-27b",
    "qwen/qwen3.8-27b",
    "groq/compound",
)
"""Five names of one simulated service of the OpenAI dialect."""
ALL = frozenset({"deepseek", "gemini", "groq", "instant", "openai"})


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    name: str
    command: tuple[str, ...]
    """Its command line; the port comes last."""
    environ: Mapping[str, str]
    models: tuple[str, ...]
    """The models that a request to it names."""


@dataclass(frozen=True, slots=True)
class Case:
    """CORO and the servers that it is compared with, on the same work."""

    name: str
    title: str
    servers: tuple[Server, ...]
    """CORO first, its floor second, if it is compared."""
    delays: tuple[float, ...]
    """Seconds that a provider takes."""


@contextmanager
def cases(upstreams: Mapping[str, str]) -> Iterator[tuple[Case, ...]]:
    """Yield every case; `upstreams` are the settings that point at the simulated providers."""
    with tempfile.TemporaryDirectory() as site:
        instant.install(Path(site))
        paths = {"PYTHONPATH": f"{ROOT}:{site}"}
        service = {
            "CORO_OPENAI_BENCH_BASE_URL": f"{upstreams['GROQ_BASE_URL']}/openai/v1",
            "CORO_OPENAI_BENCH_API_KEY": upstreams["GROQ_API_KEY"],
            "CORO_OPENAI_BENCH_MODELS": ",".join(
                f"chat-{number}={name}" for number, name in enumerate(CHAT_MODELS)
            ),
        }
        ids = tuple(f"chat-{number}" for number in range(len(CHAT_MODELS)))
        # The SDK of a default installation, which the floor uses too.
        providers = {**paths, **upstreams, "GEMINI_SDK": "google-generativeai"}
        plugin_ids = ("gemini", "llama-70b", "llama-8b", "mixtral", "deepseek")
        delays = (0.0, 0.05, 0.5)
        yield (
            Case(
                "core",
                "The core alone: five models that answer at once, in process",
                (
                    _coro({"instant"}, paths, instant.MODELS),
                    _floor("bare", paths, instant.MODELS),
                ),
                (0.0,),
            ),
            Case(
                "plugins",
                "The three plugins: five models of three providers",
                (
                    _coro({"deepseek", "gemini", "groq"}, providers, plugin_ids),
                    _floor("lean", {**paths, **upstreams}, plugin_ids),
                    _floor("plain", {**paths, **upstreams}, CHAT_MODELS),
                ),
                delays,
            ),
            Case(
                "http",
                "Without Gemini: four models of two providers, for the memory that they take",
                (_coro({"deepseek", "groq"}, providers, plugin_ids[1:]),),
                (0.05,),
            ),
            Case(
                "openai",
                "coro-openai: five models of one service",
                (
                    _coro({"openai"}, {**paths, **service}, ids),
                    _floor("raw", {**paths, **upstreams}, CHAT_MODELS),
                    _floor("plain", {**paths, **upstreams}, CHAT_MODELS),
                ),
                delays,
            ),
        )


def beside(case: Case, checkout: Path) -> Case:
    """Return the case with the CORO of another checkout in place of the floors.

    `make` must have set the checkout up.
    """
    coro = case.servers[0]
    command = (str(checkout.resolve() / ".venv/bin/python"), *coro.command[1:])
    return replace(case, servers=(coro, replace(coro, name="other", command=command)))


def _coro(plugins: set[str], environ: Mapping[str, str], models: tuple[str, ...]) -> Server:
    disabled = {"CORO_DISABLED_PLUGINS": ",".join(sorted(ALL - plugins))}
    command = (*python("-m", "coro_core", "serve", "--port"),)
    return Server("coro", command, {**environ, **disabled}, models)


def _floor(name: str, environ: Mapping[str, str], models: tuple[str, ...]) -> Server:
    return Server(name, (*python("-m", "benchmarks.floors", name),), environ, models)
