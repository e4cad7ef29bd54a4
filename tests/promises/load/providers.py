"""Every installed plugin's simulator in one process, which lines of JSON script.

It first prints the settings that lead to them. Each line that it reads says how providers are to
behave from now on, `{"groq": {"error": "overloaded"}}`, and is answered by the number of calls that
each has had so far.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from importlib.metadata import entry_points
from typing import Any

from coro_core.testing import Behaviour, Call, Fault
from support.faults.harness import Everything


class Count(list[Call]):
    """The calls of a long run, of which only the number is kept."""

    number = 0

    def append(self, call: Call) -> None:
        self.number += 1


def rewrite(behaviour: Behaviour, fields: dict[str, Any]) -> None:
    """Script a provider; fields that are absent are as in a new script."""
    behaviour.latency = fields.get("latency", 0.0)
    behaviour.error = fields.get("error")
    behaviour.retry_after = fields.get("retry_after")
    behaviour.fault = Fault(fields["fault"]) if "fault" in fields else None
    behaviour.served = Everything() if fields.get("serves_any_name") else None


async def serve() -> None:
    """Serve the simulators until the input ends."""
    behaviours: dict[str, Behaviour] = {}
    counts: dict[str, Count] = {}
    settings: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for entry in sorted(entry_points(group="coro"), key=lambda entry: entry.name):
            calls = counts[entry.name] = Count()
            behaviours[entry.name] = Behaviour(calls=calls)
            simulator = entry.load()().coro_simulator(behaviours[entry.name])
            settings |= await stack.enter_async_context(simulator)
        print(json.dumps({"plugins": list(behaviours), "settings": settings}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for plugin, fields in json.loads(line).items():
                rewrite(behaviours[plugin], fields)
            numbers = {name: calls.number for name, calls in counts.items()}
            print(json.dumps(numbers), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
