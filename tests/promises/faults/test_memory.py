"""Memory under faults: one server process, all four plugins, every fault."""

import asyncio
import gzip
import resource
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from coro_core.testing import Behaviour, Call, RawReply
from support.faults.bodies import CHAT_BODIES, REST_BODIES
from support.faults.canaries import KEYS
from support.faults.framings import COMPRESSED, FRAMINGS, MEGABYTE, OK, SLOW
from support.faults.gemini_refusals import REFUSALS
from support.faults.grpc_answers import ANSWERS, BREACHES, FRAMES, saying
from support.faults.grpc_server import Answer, ScriptedGemini, refuse, scripted_gemini
from support.faults.harness import (
    HURRIED,
    MODELS,
    PATIENT,
    SDKS,
    address_of,
    key_of,
    provider_of,
    simulator,
)
from support.faults.replies import completion, head, map_error, raw, reply
from support.faults.statuses import STATUSES
from support.server import Process

MOST = 200 * MEGABYTE
CAP = 512 * MEGABYTE
"""Memory of a small host in bytes; allocations beyond it fail."""
AT_ONCE = 2
"""Concurrent requests per costly fault, each to three or four providers."""
BOMB = gzip.compress(b" " * (64 * MEGABYTE), 9)


async def pour(call: Call) -> AsyncGenerator[bytes, None]:
    yield head(call, 200, {"content-length": str(100 * MEGABYTE)})
    for _ in range(100 * 16):
        yield b"x" * (MEGABYTE // 16)


async def blank_lines(call: Call) -> AsyncGenerator[bytes, None]:
    yield head(call, 200)
    while True:
        yield b"\n" * 65536
        await asyncio.sleep(0.02)


def long_answer(call: Call) -> bytes:
    message = {"content": "x" * 1_900_000}
    return completion(call, choices=[{"message": message, "finish_reason": "stop"}])


COSTLY: dict[str, RawReply] = {
    "a body of 100 MB": pour,
    "blank lines without end": blank_lines,
    "a bomb": reply(BOMB, headers={"content-encoding": "gzip"}),
    "a refusal that is a bomb": reply(BOMB, 500, {"content-encoding": "gzip"}),
    "a long answer": reply(long_answer),
    "a million brackets": reply(b"[" * 1_000_000),
    "130,000 tiny objects": reply(b'{"a": [' + b'{"a":1},' * 130_000 + b"{}]}"),
    "a refusal of 130,000 tiny objects": reply(b"[" + b'{"a":1},' * 130_000 + b"{}]", 500),
    "400,000 empty lists in lists": reply(b"[" + b"[[]]," * 400_000 + b"[]]"),
    "a number of a million digits": reply(b"9" * 1_000_000),
    "a header of 4 MB": raw(OK + b"x: " + b"a" * (4 * MEGABYTE) + b"\r\n\r\n"),
    "100,000 headers": raw(OK + b"x: y\r\n" * 100_000 + b"\r\n"),
}
HTTP: dict[str, RawReply] = {
    **{name: raw(content) for name, (content, _) in FRAMINGS.items()},
    **{
        f"a body in {encoding}": reply(body, headers={"content-encoding": encoding})
        for encoding, body in COMPRESSED.items()
    },
    **{f"status {status}": map_error(status) for status in STATUSES},
    **SLOW,
}
CHAT = {name: reply(body) for name, (body, _) in CHAT_BODIES.items()} | HTTP
REST = {name: reply(body) for name, (body, _) in REST_BODIES.items()} | HTTP
HTTP2 = {name: raw(content) for name, (_, content) in FRAMES.items()}
GRPC: dict[str, Answer] = {
    **{name: saying(content) for name, (_, content) in ANSWERS.items()},
    **{name: answer for name, (_, answer) in BREACHES.items()},
    **{name: refuse(refused) for name, (_, refused) in REFUSALS.items()},
}
COSTLY_GRPC = {
    "32 MB": saying(b"\0" * (32 * MEGABYTE)),
    "130,000 candidates": saying(b"\x0a\x00" * 130_000),
}


@dataclass(slots=True)
class Provider:
    """One provider: what it can be made to do, and the one who does it."""

    faults: Mapping[str, Any]
    costly: Mapping[str, Any]
    actor: Behaviour | ScriptedGemini

    def act(self, fault: Any) -> None:
        """Do this from now on; for `None`, answer."""
        setattr(
            self.actor, "answer" if isinstance(self.actor, ScriptedGemini) else "raw_reply", fault
        )


Providers = dict[str, Provider]


@asynccontextmanager
async def server_before_faults(
    gemini: str, folder: Path
) -> AsyncIterator[tuple[Process, str, Providers]]:
    """Serve, in a process of its own, before scripted providers."""
    faults = {
        "deepseek": CHAT,
        "groq": CHAT,
        "openai": CHAT,
        "gemini": HTTP2,
        "gemini-genai": REST,
    }
    async with AsyncExitStack() as stack:
        settings = {key_of(name): key for name, key in KEYS.items()}
        settings |= {"CORO_DISCOVERY_INTERVAL": "0", "GEMINI_SDK": SDKS.get(gemini, SDKS["gemini"])}
        providers = {}
        # gRPC takes the room of a fourth plugin.
        others = {"deepseek", "groq"} if gemini not in faults else {"deepseek", "groq", "openai"}
        for name in {*others, gemini} & faults.keys():
            behaviour, settings[address_of(name)] = await stack.enter_async_context(simulator(name))
            costly = {} if name == "gemini" else COSTLY
            providers[provider_of(name)] = Provider(faults[name], costly, behaviour)
        if "gemini" not in providers:
            script, settings[address_of("gemini")] = await stack.enter_async_context(
                scripted_gemini()
            )
            providers["gemini"] = Provider(GRPC, COSTLY_GRPC, script)
        # Start once before: the first import of a library compiles it, which takes memory.
        with Process("serve", "--port", "0", cwd=folder, environ=settings) as first:
            for name in KEYS:
                await asyncio.to_thread(first.wait_for, f'"plugin": "{name}", "state": "ready"')
        server = Process("serve", "--port", "0", cwd=folder, environ=settings)
        stack.push_async_callback(asyncio.to_thread, server.__exit__, None, None, None)
        address = await asyncio.to_thread(server.address)
        for name in KEYS:
            await asyncio.to_thread(server.wait_for, f'"plugin": "{name}", "state": "ready"')
        # Where the system can, a hard end to what it may take up: what is beyond it fails.
        resource.prlimit(server.popen.pid, resource.RLIMIT_DATA, (CAP, CAP))
        yield server, address, providers


def peak_of(server: Process) -> int:
    """Return the most memory that a process has had resident, in bytes."""
    status = Path(f"/proc/{server.popen.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("gemini", ["gemini over gRPC", "gemini", "gemini-genai"])
async def test_every_fault_there_is_leaves_a_server_below_200_mib(
    gemini: str, tmp_path: Path
) -> None:
    numbers = count()
    async with server_before_faults(gemini, tmp_path) as (server, address, providers):
        peaks = [peak_of(server)]
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

            async def ask(seconds: float) -> list[str | None]:
                # Names of their own: no circuit stands in the way of a fault.
                number = next(numbers)
                models = [f"{MODELS[name]}.{number}" for name in providers]
                content = {"prompt": "Hello", "models": models, "timeout": seconds}
                response = await client.post("/chat", json=content)
                return [row["error_code"] for row in response.json()["responses"]]

            async def meet(seconds: float, at_once: int, **faults: Mapping[str, Any]) -> None:
                """Let each provider do all it can, those who know less over again."""
                steps = max(map(len, faults.values()))
                turns = {name: cycle(every.values()) for name, every in faults.items() if every}
                for _ in range(steps):
                    for name, turn in turns.items():
                        providers[name].act(next(turn))
                    await asyncio.gather(*(ask(seconds) for _ in range(at_once)))
                for provider in providers.values():
                    provider.act(None)
                peaks.append(peak_of(server))

            await meet(HURRIED, 1, **{name: it.faults for name, it in providers.items()})
            await meet(2.0, AT_ONCE, **{name: it.costly for name, it in providers.items()})
            await flood(address)
            peaks.append(peak_of(server))
            assert (await client.get("/health")).status_code == 200
            async with asyncio.timeout(PATIENT):
                # gRPC waits a moment before it connects again.
                while await ask(PATIENT) != [None] * len(providers):
                    pass
    listed = ", ".join(f"{peak / MEGABYTE:.0f}" for peak in peaks)
    print(
        f"{gemini}: peak in MiB at rest, after every fault, the costly ones and a flood: {listed}"
    )
    assert peaks[-1] < MOST


async def flood(address: str) -> None:
    """Send what callers should not: bodies that are far too large, too deep, and without end."""
    host, port = address.removeprefix("http://").split(":")
    heads = (
        b"content-length: 104857600\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n",
        b"x: " + b"a" * MEGABYTE + b"\r\n\r\n",
    )

    async def send(head: bytes) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        with suppress(OSError):
            writer.write(b"POST /chat HTTP/1.1\r\nhost: x\r\n" + head)
            part = b"[" * MEGABYTE
            if b"chunked" in head:
                part = b"%x\r\n%b\r\n" % (len(part), part)
            for _ in range(30):
                writer.write(part)
                await writer.drain()
            await reader.read(1)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with asyncio.timeout(60):
        await asyncio.gather(*(send(head) for head in heads for _ in range(AT_ONCE)))
