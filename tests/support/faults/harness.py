"""CORO before simulated providers, one of which fails, with the promises that must hold."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import httpx
from fastapi import FastAPI

from coro_core.testing import Behaviour
from coro_core.web.app import create_app
from support.faults.canaries import KEYS, PROMPT, WATCH
from support.faults.report import FaultCases
from support.server import serving

MODELS = {
    "deepseek": "deepseek:deepseek-flash",
    "gemini": "gemini:gemini-3.5-flash-lite",
    "gemini-genai": "gemini:gemini-3.5-flash-lite",
    "groq": "groq:openai/gpt-oss-20b",
    "openai": "openai:openai/gpt-4.1-nano",
}
"""One served name of each: a refusal is the row's, and not a reason to try the next candidate."""
SDKS = {"gemini": "google-generativeai", "gemini-genai": "google-genai"}
"""One plugin that is tried twice, once over gRPC and once over REST."""
CLASSES = {
    "deepseek": "DeepSeekPlugin",
    "gemini": "GeminiPlugin",
    "groq": "GroqPlugin",
    "openai": "OpenAIPlugin",
}
OVERRUN_MS = 250
HURRIED = 0.6
"""A deadline that leaves no room for a retry: each fault is met once, and soon over."""
PATIENT = 5.0
SETTLE_SECONDS = 5.0
_UNFIT = re.compile(r"Traceback|File \"|\?\w+=|https?://127\.|[\r\n]")


@dataclass(frozen=True, slots=True)
class Level:
    """Open tasks and files of CORO and all that runs beside it."""

    tasks: int
    files: int

    @classmethod
    def now(cls) -> "Level":
        """Count the tasks of this loop and the files of this process."""
        return cls(len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")))


class Everything(frozenset[str]):
    """The names of a provider that serves any model."""

    def __contains__(self, name: object) -> bool:
        return True


@dataclass(slots=True)
class Harness:
    """The server, a client for it, and one plugin whose provider fails."""

    app: FastAPI
    client: httpx.AsyncClient
    plugin: str
    behaviours: Mapping[str, Behaviour]
    level: Level = field(default_factory=Level.now)
    """Open tasks and files once every provider had answered; no fault may add to them."""
    cases: FaultCases = field(init=False)
    requests: int = 0

    def __post_init__(self) -> None:
        self.cases = FaultCases(self.plugin)

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour of the provider that fails."""
        return self.behaviours[provider_of(self.plugin)]

    @property
    def sibling(self) -> str:
        """A model of a healthy provider, asked beside the failing one."""
        return MODELS["groq" if self.plugin == "deepseek" else "deepseek"]

    async def ask(self, timeout: float) -> dict[str, Any]:
        """Ask the failing model and its healthy sibling; return the failing one's row.

        Asserts what holds for both whatever happens: the status, the sibling's answer, the time.
        """
        # Each request has its own model name: a circuit that one fault opened must not answer
        # for the next fault.
        self.requests += 1
        models = [f"{MODELS[self.plugin]}.{self.requests}", self.sibling]
        content = {"prompt": PROMPT, "models": models, "timeout": timeout}
        response = await self.client.post("/chat", json=content)
        headers = b"\n".join(b": ".join(pair) for pair in response.headers.raw)
        WATCH.search("a response", headers + b"\n\n" + response.content)
        assert response.status_code == 200, f"status {response.status_code}"
        body = json.loads(response.content, parse_constant=_refuse_constant)
        row, sibling = body["responses"]
        assert (row["model"], sibling["model"]) == (models[0], models[1])
        assert sibling["error"] is None, f"the sibling failed: {sibling['error']}"
        assert sibling["response"]
        assert body["total_latency_ms"] <= timeout * 1000 + OVERRUN_MS, "not on time"
        return dict(row)

    async def fails(self, code: str | None, timeout: float = HURRIED) -> dict[str, Any]:
        """Ask, and assert that the row fails with `code` and a sentence, or answers for `None`."""
        row = await self.ask(timeout)
        assert row["error_code"] == code, f"{row['error_code']} instead of {code}: {row['error']}"
        if code is None:
            assert row["response"]
            assert row["error"] is None
        else:
            assert row["response"] == ""
            assert 20 < len(row["error"]) <= 500
            assert row["error"].endswith(".")
            assert not _UNFIT.search(row["error"]), row["error"]
        return row

    async def recovers(self) -> None:
        """Assert that the very next request is answered, the core's own retry included."""
        row = await self.ask(PATIENT)
        assert row["error"] is None, f"not well again: {row['error']}"
        assert row["response"]

    @contextmanager
    def script(self, **fields: Any) -> Iterator[None]:
        """Set these fields of the failing provider's behaviour; restore them at the end."""
        for name, value in fields.items():
            setattr(self.behaviour, name, value)
        try:
            yield
        finally:
            for name in fields:
                setattr(self.behaviour, name, getattr(Behaviour(), name))

    async def settled(self) -> None:
        """Wait until no more is open than at first, and no call goes on after its deadline."""
        level = self.level
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while (now := Level.now()).tasks > level.tasks or now.files > level.files:
            assert asyncio.get_running_loop().time() < deadline, f"leaked: {level} became {now}"
            await asyncio.sleep(0.01)
        assert self.app.state.engine.fanout.abandoned_running == 0

    async def survives(
        self, fault: str, code: str | None, /, *, timeout: float = HURRIED, **script: Any
    ) -> dict[str, Any]:
        """Try one scripted fault: E0 of the catalogue, from the failing row to the next request.

        Returns the row, or nothing when the fault was not survived.
        """
        row: dict[str, Any] = {}
        with self.cases.case(fault):
            with self.script(**script):
                row = await self.fails(code, timeout)
            await self.recovers()
            await self.settled()
        return row


@asynccontextmanager
async def fault_harness(
    plugin: str, environ: Mapping[str, str] | None = None, *, warm: bool = True
) -> AsyncIterator[Harness]:
    """Serve CORO before every simulator; `environ` wins over where these are.

    It is `warm` once every provider has answered; one that cannot must not be asked to.
    """
    behaviours = {name: Behaviour() for name in CLASSES}
    behaviours[provider_of(plugin)].served = Everything()
    async with AsyncExitStack() as stack:
        settings = {"CORO_DISCOVERY_INTERVAL": "0", "GEMINI_SDK": SDKS.get(plugin, SDKS["gemini"])}
        for name, behaviour in behaviours.items():
            settings |= await stack.enter_async_context(_simulator(name, behaviour))
        settings |= {key_of(name): key for name, key in KEYS.items()}
        app = create_app({**settings, **(environ or {})})
        client = await stack.enter_async_context(serving(app))
        # A file opened later would look like a leak.
        await app.state.engine.plugins.wait_ready()
        harness = Harness(app, client, plugin, behaviours)
        if warm:
            await harness.recovers()
            harness.level = Level.now()
        yield harness
        harness.cases.raise_failures()


@asynccontextmanager
async def simulator(plugin: str) -> AsyncIterator[tuple[Behaviour, str]]:
    """Serve one provider alone; yield its behaviour and its address."""
    behaviour = Behaviour(served=Everything())
    async with _simulator(provider_of(plugin), behaviour) as settings:
        yield behaviour, settings[address_of(plugin)]


def provider_of(plugin: str) -> str:
    """Return the name under which a plugin that is tried is installed."""
    return plugin.partition("-")[0]


def address_of(plugin: str) -> str:
    """Return the variable that holds the address of a plugin's provider."""
    return f"{_prefix(plugin)}_BASE_URL"


def key_of(plugin: str) -> str:
    """Return the variable that holds the key of a plugin's provider."""
    return f"{_prefix(plugin)}_API_KEY"


def _prefix(plugin: str) -> str:
    # One of the services that this plugin speaks for.
    return "CORO_OPENAI_OPENAI" if plugin == "openai" else provider_of(plugin).upper()


def _simulator(name: str, behaviour: Behaviour) -> Any:
    return getattr(import_module(f"coro_{name}"), CLASSES[name])().coro_simulator(behaviour)


def _refuse_constant(name: str) -> float:
    raise AssertionError(f"CORO sent {name}, which is not JSON")
