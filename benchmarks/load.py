"""A load generator: a closed loop over raw sockets, cheap beside the server that it measures."""

import asyncio
import json
import time
from dataclasses import dataclass, field

END_OF_HEAD = b"\r\n\r\n"
TIMEOUT_SECONDS = 10.0
"""A request that takes longer is an error, and its client leaves."""


@dataclass(slots=True)
class Measured:
    """The measurement of one run of requests."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds of each request that was answered in full."""
    errors: int = 0
    """Requests with another status than 200, or with a wrong number of answers."""

    @property
    def requests(self) -> int:
        """The number of requests."""
        return len(self.latencies) + self.errors

    @property
    def per_second(self) -> float:
        """Full answers per second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Return the latency that `share` of the requests (0.0 to 1.0) do not exceed, in ms."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def chat_request(models: list[str]) -> bytes:
    """Return the bytes of one `POST /chat` to these models."""
    body = json.dumps({"prompt": "What is 2+2?", "models": models}).encode()
    head = (
        "POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def drive(
    port: int, request: bytes, *, concurrent: int, seconds: float, spread: float = 0.0
) -> Measured:
    """Keep requests in flight for a while; each client sends its next request at once.

    The clients come evenly within the first `spread` seconds: where answers take as long, those who
    came together would go on doing so, and wait for each other.
    """
    measured = Measured()
    started = time.monotonic()
    clients = [
        _client(port, request, number / concurrent * spread, started + seconds, measured)
        for number in range(concurrent)
    ]
    await asyncio.gather(*clients)
    measured.seconds = time.monotonic() - started
    return measured


async def _client(
    port: int, request: bytes, delay: float, until: float, measured: Measured
) -> None:
    await asyncio.sleep(delay)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (began := time.monotonic()) < until:
            writer.write(request)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                head = await reader.readuntil(END_OF_HEAD)
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
            took = time.monotonic() - began
            if b" 200 " in head[:16] and body.count(b'"error":null') == body.count(b'"model":') > 0:
                measured.latencies.append(took)
            else:
                measured.errors += 1
    except (TimeoutError, OSError, EOFError):
        measured.errors += 1
    finally:
        writer.close()
