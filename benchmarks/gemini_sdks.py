"""Measure the cost of each of Google's SDKs: `python -m benchmarks.gemini_sdks`.

Each SDK runs in fresh processes, on top of the server's own modules. The simulator runs in a
process of its own, so the figures count the client's work alone.
"""

import asyncio
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time

import uvloop

from coro_core import GenerateRequest
from coro_core.testing import Behaviour
from coro_gemini import GeminiPlugin

SDKS = {
    "google-generativeai": "coro_gemini.grpc.client",
    "google-genai": "coro_gemini.rest.client",
}
LATENCY = 0.1
"""Latency of the simulated model in seconds."""
CALLS = {1: 60, 50: 2000}
"""Calls in flight, with the number of calls measured."""
ROUNDS = 5


def resident_mb() -> float:
    """Return the resident memory of this process, in MB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


async def serve() -> None:
    """Simulate Gemini until the parent closes stdin."""
    async with GeminiPlugin().coro_simulator(Behaviour(latency=LATENCY)) as environ:
        print(json.dumps(environ), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def cost(sdk: str, environ: dict[str, str]) -> dict[str, float]:
    """Return the cost of one SDK in this process."""
    for module in ("coro_core.web.app", "coro_core.kit.http.httpx_client"):
        importlib.import_module(module)
    memory, wall, cpu = resident_mb(), time.perf_counter(), time.process_time()
    importlib.import_module(SDKS[sdk])
    found = {
        "import, s": time.perf_counter() - wall,
        "import, s of CPU": time.process_time() - cpu,
    }
    plugin = GeminiPlugin()
    request = GenerateRequest(
        model="gemini-3.5-flash-lite",
        prompt="What is 2+2?",
        temperature=0.7,
        max_tokens=512,
        timeout=30,
    )
    async with plugin.coro_lifespan({**environ, "GEMINI_SDK": sdk}):
        found["memory, open, MB"] = resident_mb() - memory

        async def caller(times: int) -> None:
            for _ in range(times):
                await plugin.coro_generate(request)

        await caller(5)
        for in_flight, calls in CALLS.items():
            cpu = time.process_time()
            await asyncio.gather(*(caller(calls // in_flight) for _ in range(in_flight)))
            spent = time.process_time() - cpu
            found[f"CPU per call at {in_flight}, ms"] = spent / calls * 1000
        found["memory, after calls, MB"] = resident_mb() - memory
    return found


def main() -> None:
    """Print the medians of `ROUNDS` rounds, with the SDKs in turn."""
    own = [sys.executable, __file__]
    found: dict[str, list[dict[str, float]]] = {sdk: [] for sdk in SDKS}
    with subprocess.Popen(
        [*own, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        environ = server.stdout.readline()
        for _ in range(ROUNDS):
            for sdk, rounds in found.items():
                rounds.append(json.loads(subprocess.check_output([*own, sdk, environ])))
        server.stdin.close()
    print(f"{'':<28}" + "".join(f"{sdk:>22}" for sdk in SDKS))
    for name in found["google-genai"][0]:
        medians = (statistics.median(each[name] for each in found[sdk]) for sdk in SDKS)
        print(f"{name:<28}" + "".join(f"{median:>22.2f}" for median in medians))


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["serve"]:
            uvloop.run(serve())
        case [sdk, environ]:
            print(json.dumps(uvloop.run(cost(sdk, json.loads(environ)))))
