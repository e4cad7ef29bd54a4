"""Measure the cost of one small JSON call with each HTTP client that was considered.

    .venv/bin/python scripts/bench_clients.py [IN_FLIGHT] [DELAY_SECONDS]

The server is another process. Prints milliseconds of this process's CPU for each call, the median
of three rounds, and the memory of a fresh process that has made them. A client that is not
installed is left out.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvloop

BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "What is 2+2?"}],
    "temperature": 0.7,
    "max_tokens": 512,
}
HEADERS = {"Authorization": "Bearer k", "Accept-Encoding": "identity"}
PATH = "/v1/chat/completions"
REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {"message": {"role": "assistant", "content": "2 + 2 = 4."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12},
    }
).encode()
CLIENTS = (
    "streams",
    "lean",
    "aiohttp",
    "httpx-aiohttp",
    "httpx",
    "httpcore",
    "pyqwest",
    "pyreqwest",
)
CALLS = 2000
ROUNDS = 3

Call = Callable[[], Awaitable[bytes]]


class Upstream(asyncio.Protocol):
    """Answers each request after a delay, in as little work as possible."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._read = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._read += data
        head, _, rest = self._read.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
        if len(rest) >= length:
            self._read = rest[length:]
            asyncio.get_running_loop().call_later(self._delay, self._answer)

    def _answer(self):
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(REPLY), REPLY)
            )


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(600)


@asynccontextmanager
async def opened(name: str, port: int) -> AsyncIterator[Call]:
    """Open a client, used as leanly as its documentation allows."""
    url = f"http://127.0.0.1:{port}"
    match name:
        case "streams":
            free = []

            async def call() -> bytes:
                reader, writer = free.pop() if free else await asyncio.open_connection(port=port)
                body = json.dumps(BODY).encode()
                writer.write(
                    b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
                    b"content-length: %d\r\n\r\n%b" % (PATH.encode(), len(body), body)
                )
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
                content = await reader.readexactly(int(length))
                free.append((reader, writer))
                return content

            yield call
        case "lean":
            from coro_core.kit.http import open_json_client

            async with open_json_client(url, headers=HEADERS) as lean:

                async def call() -> bytes:
                    return (await lean.post(PATH, BODY)).content

                yield call
        case "aiohttp":
            import aiohttp

            connector = aiohttp.TCPConnector(limit=512)
            jar = aiohttp.DummyCookieJar()
            async with aiohttp.ClientSession(
                connector=connector, cookie_jar=jar, headers=HEADERS, auto_decompress=False
            ) as session:

                async def call() -> bytes:
                    async with session.post(url + PATH, json=BODY) as reply:
                        return await reply.read()

                yield call
        case "httpx-aiohttp":
            from coro_core.kit.http import open_httpx_client

            async with open_httpx_client(url, headers=HEADERS) as client:

                async def call() -> bytes:
                    return (await client.post(PATH, json=BODY)).content

                yield call
        case "httpx":
            import httpx

            limits = httpx.Limits(max_connections=512, max_keepalive_connections=512)
            async with httpx.AsyncClient(headers=HEADERS, trust_env=False, limits=limits) as plain:

                async def call() -> bytes:
                    return (await plain.post(url + PATH, json=BODY, timeout=None)).content

                yield call
        case "httpcore":
            import httpcore

            async with httpcore.AsyncConnectionPool(
                max_connections=512, max_keepalive_connections=512
            ) as pool:

                async def call() -> bytes:
                    reply = await pool.request(
                        "POST",
                        url + PATH,
                        headers={**HEADERS, "Host": "127.0.0.1"},
                        content=json.dumps(BODY).encode(),
                    )
                    return reply.content

                yield call
        case "pyqwest":
            import pyqwest

            qwest = pyqwest.Client(pyqwest.HTTPTransport())

            async def call() -> bytes:
                body = json.dumps(BODY).encode()
                return (await qwest.post(url + PATH, headers=HEADERS, content=body)).content

            yield call
        case "pyreqwest":
            from pyreqwest.client import ClientBuilder

            async with ClientBuilder().no_proxy().build() as rust:

                async def call() -> bytes:
                    request = rust.post(url + PATH).headers(HEADERS).body_json(BODY).build()
                    return bytes(await (await request.send()).bytes())

                yield call


async def measure(name: str, port: int, in_flight: int) -> None:
    async with opened(name, port) as call:

        async def work(count: int) -> None:
            for _ in range(count):
                assert b"2 + 2" in await call()

        await asyncio.gather(*(work(2) for _ in range(in_flight)))
        costs = []
        for _ in range(ROUNDS):
            before = time.process_time()
            await asyncio.gather(*(work(CALLS // in_flight) for _ in range(in_flight)))
            costs.append((time.process_time() - before) / (CALLS // in_flight * in_flight) * 1000)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:14} {statistics.median(costs):6.3f} ms {memory:5.0f} MiB", flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["serve", delay]:
            uvloop.run(serve(float(delay)))
        case ["client", name, port, in_flight]:
            uvloop.run(measure(name, int(port), int(in_flight)))
        case arguments:
            in_flight, delay = [*arguments, *("5", "0")[len(arguments) :]]
            me = [sys.executable, __file__]
            server = subprocess.Popen([*me, "serve", delay], stdout=subprocess.PIPE, text=True)
            try:
                port = server.stdout.readline().strip()
                for name in CLIENTS:
                    child = [*me, "client", name, port, in_flight]
                    if subprocess.run(child, stderr=subprocess.DEVNULL, check=False).returncode:
                        print(f"{name:14} could not be measured", flush=True)
            finally:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    main()
