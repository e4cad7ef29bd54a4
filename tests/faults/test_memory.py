"""What the faults cost in memory: one server process, all three plugins, many at once."""

import asyncio
import gzip
import resource
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

from coro_core.testing import Behaviour, Call, RawReply
from support.faults.canaries import KEYS
from support.faults.grpc_server import Context, ScriptedGemini, scripted_gemini
from support.faults.replies import completion, head, raw, refusal, reply
from support.faults.world import MODELS, simulator
from support.server import Process

MEGABYTE = 1024 * 1024
CAP = 512 * MEGABYTE
"""What a small host has."""
AT_ONCE = 2
"""How many requests meet each fault together, two HTTP providers in each."""
OK = b"HTTP/1.1 200 OK\r\n"
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


FAULTS: dict[str, RawReply] = {
    "a body of 100 MB": pour,
    "blank lines without end": blank_lines,
    "a bomb": reply(BOMB, headers={"content-encoding": "gzip"}),
    "a refusal that is a bomb": reply(BOMB, 500, {"content-encoding": "gzip"}),
    "a long answer": reply(long_answer),
    "a million brackets": reply(b"[" * 1_000_000),
    "100,000 empty objects": reply(b"[" + b"{}," * 100_000 + b"{}]"),
    "a number of a million digits": reply(b"9" * 1_000_000),
    "a header of 4 MB": raw(OK + b"x: " + b"a" * (4 * MEGABYTE) + b"\r\n\r\n"),
    "100,000 headers": raw(OK + b"x: y\r\n" * 100_000 + b"\r\n"),
    **{f"status {status}": refusal(status) for status in (400, 401, 404, 429, 500, 503)},
}


async def huge_message(_: str, context: Context) -> bytes:
    return b"\0" * (32 * MEGABYTE)


@asynccontextmanager
async def server_before_faults(
    folder: Path,
) -> AsyncIterator[tuple[Process, str, list[Behaviour], ScriptedGemini]]:
    """Serve, in a process of its own, before providers that do as they are told."""
    async with AsyncExitStack() as stack:
        settings = {f"{name.upper()}_API_KEY": key for name, key in KEYS.items()}
        settings["CORO_DISCOVERY_INTERVAL"] = "0"
        behaviours = []
        for name in ("deepseek", "groq"):
            behaviour, url = await stack.enter_async_context(simulator(name))
            settings[f"{name.upper()}_BASE_URL"] = url
            behaviours.append(behaviour)
        gemini, url = await stack.enter_async_context(scripted_gemini())
        settings["GEMINI_BASE_URL"] = url
        server = Process("serve", "--port", "0", cwd=folder, environ=settings)
        stack.push_async_callback(asyncio.to_thread, server.__exit__, None, None, None)
        address = await asyncio.to_thread(server.address)
        for name in KEYS:
            await asyncio.to_thread(server.wait_for, f'"plugin": "{name}", "state": "ready"')
        # Where the system can, a hard end to what it may take up: what is beyond it fails.
        resource.prlimit(server.popen.pid, resource.RLIMIT_DATA, (CAP, CAP))
        yield server, address, behaviours, gemini


def peak_of(server: Process) -> int:
    """Return the most memory that a process has had resident, in bytes."""
    status = Path(f"/proc/{server.popen.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


async def test_every_costly_fault_at_once_leaves_a_server_below_512_mib(tmp_path: Path) -> None:
    async with server_before_faults(tmp_path) as (server, address, behaviours, gemini):
        at_rest = peak_of(server)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

            async def ask(number: int, fault: str) -> list[str | None]:
                # Names of their own: no circuit stands in the way of a fault.
                names = [f"{model}.{fault.replace(' ', '-')}.{number}" for model in MODELS.values()]
                content = {"prompt": "Hello", "models": names, "timeout": 2.0}
                response = await client.post("/chat", json=content)
                return [row["error_code"] for row in response.json()["responses"]]

            for fault, script in FAULTS.items():
                for behaviour in behaviours:
                    behaviour.raw_reply = script
                gemini.answer = huge_message
                codes = await asyncio.gather(*(ask(n, fault) for n in range(AT_ONCE)))
                told = {code for row in codes for code in row}
                assert None not in told, f"{fault}: {told}"

            for behaviour in behaviours:
                behaviour.raw_reply = None
            gemini.answer = None
            await flood(address)
            assert (await client.get("/health")).status_code == 200
            assert await ask(0, "well again") == [None] * len(MODELS)
        peak = peak_of(server)
    print(f"peak {peak / MEGABYTE:.0f} MiB, {at_rest / MEGABYTE:.0f} MiB before the first request")
    assert peak < CAP


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
