"""The providers, simulated, in a process of their own: `python -m benchmarks.upstreams`.

Prints the settings that point CORO at them as a line of JSON; each line that it reads is a new
delay in seconds. Ends when its input does.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from importlib.metadata import entry_points

import uvloop

from coro_core.testing import Behaviour

PLUGINS = ("deepseek", "gemini", "groq", "openai")


async def serve() -> None:
    """Serve every plugin's simulator until the input ends."""
    behaviours = []
    environ: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for entry_point in entry_points(group="coro"):
            if entry_point.name in PLUGINS:
                behaviour = Behaviour(latency=0.0, answer=lambda model, prompt: "2 + 2 = 4.")
                behaviours.append(behaviour)
                plugin = entry_point.load()()
                environ |= await stack.enter_async_context(plugin.coro_simulator(behaviour))
        print(json.dumps(environ), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            for behaviour in behaviours:
                behaviour.latency = float(line)
                behaviour.calls.clear()
            print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
