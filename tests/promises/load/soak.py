"""Faults of every kind for a long time: what is held at rest must not grow.

    make soak                       # ten minutes
    make soak SECONDS=3600 SEED=7   # an hour, with the faults of an earlier run
    make soak GEMINI_SDK=google-generativeai

All providers but one at a time break in ever other ways, some clients leave, and every name is a
new one.
Every quarter of a minute the faults rest; then memory, descriptors and tasks of the server are
counted. The exit code is 1 when one of them grows, memory was past 200 MiB at any time, or the
server's log holds a traceback.
"""

import asyncio
import functools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coro_core.testing import Fault
from promises.load.census import MODEL, install
from promises.load.client import LOST, Client, Outcome, at_rate, chat
from promises.load.slope import Slope
from promises.load.system import System, running, setting
from support.network import confine_to_loopback

RATE = 10.0
TURN_SECONDS = 4.0
TURNS = 3
TIMEOUT = 1.5
REST_SECONDS = TIMEOUT + 1.0
WARM_UP = 0.25
"""Part of the run in which tables fill up to their caps and the allocator finds its size."""
LEAST_SECONDS = 400
"""In the first hundred, a thousand names fill the tables that are kept of names."""
IMPATIENT = 0.1
"""Part of the clients that leave before there is an answer."""
ERRORS = (
    "authentication_failed",
    "bad_request",
    "connection_failed",
    "content_blocked",
    "empty_response",
    "invalid_response",
    "overloaded",
    "quota_exhausted",
    "rate_limited",
    "timeout",
    "too_large",
    "upstream_error",
)
KINDS = [*({"fault": fault.value} for fault in Fault), *({"error": code} for code in ERRORS)]
MOST_KIB = 200 * 1024
GROWTH_PER_HOUR = {"memory, KiB": 8192.0, "descriptors": 6.0, "tasks": 3.0}
"""The limits of growth that count as flat; each quantity has its own noise."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The resources that the server holds at rest."""

    at: float
    resident_kib: int
    descriptors: int
    tasks: int


class Deck:
    """Every kind of fault once before any comes again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._left: list[dict[str, str]] = []

    def draw(self) -> dict[str, str]:
        """Return the next kind."""
        if not self._left:
            self._left = self._chance.sample(KINDS, len(KINDS))
        return self._left.pop()


class Soak:
    """One run."""

    def __init__(self, system: System, seconds: float, seed: int) -> None:
        self._system = system
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._decks = {plugin: Deck(self._chance) for plugin in system.models}
        self._names = 0
        self.statuses: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.samples: list[Sample] = []

    async def run(self) -> None:
        """Let faults and rests follow each other until the time is over."""
        started = time.monotonic()
        while time.monotonic() - started < self._seconds:
            client = Client(self._system.server.port)
            for _ in range(TURNS):
                well = self._chance.choice(list(self._decks))
                script = {
                    plugin: {} if plugin == well else deck.draw()
                    for plugin, deck in self._decks.items()
                }
                for kind in script.values():
                    self.kinds.update(kind.values())
                self._tell(script)
                await at_rate(RATE, TURN_SECONDS, functools.partial(self._ask, client))
            client.close()
            self._tell({plugin: {} for plugin in self._decks})
            await asyncio.sleep(REST_SECONDS)
            await self._sample(time.monotonic() - started)

    def _tell(self, script: Mapping[str, Mapping[str, str]]) -> None:
        self._system.providers.tell(
            {plugin: {**fields, "serves_any_name": True} for plugin, fields in script.items()}
        )

    async def _ask(self, client: Client, _: int) -> None:
        self._names += 1
        models = self._system.new_names(self._names)
        leaves = self._chance.random() < IMPATIENT
        outcome, _body = await client.send(
            chat(models, timeout=TIMEOUT),
            fresh=leaves,
            timeout=self._chance.uniform(0.0, TIMEOUT / 2) if leaves else 15.0,
        )
        if not (leaves and outcome.status == LOST):
            self.statuses[outcome.status] += 1

    async def _sample(self, at: float) -> None:
        server = self._system.server
        client = Client(server.port)
        outcome, body = await client.send(chat([MODEL]), fresh=True)
        tasks = _answer(outcome, body)
        sample = Sample(at, server.resident_kib(), server.descriptors(), tasks)
        self.samples.append(sample)
        print(
            f"{at:7.0f} s{sample.resident_kib:>10} KiB{sample.descriptors:>6} descriptors"
            f"{tasks:>6} tasks{self.statuses.total():>8} requests",
            flush=True,
        )

    def verdict(self) -> bool:
        """Print the slopes and what was asked; return whether all of it is well."""
        settled = [it for it in self.samples if it.at > WARM_UP * self._seconds]
        columns = {
            "memory, KiB": [it.resident_kib for it in settled],
            "descriptors": [it.descriptors for it in settled],
            "tasks": [it.tasks for it in settled],
        }
        hours = [it.at / 3600 for it in settled]
        well = True
        print(f"\n{'at rest':<14}{'slope per hour':>16}{'error':>10}{'flat up to':>12}")
        for name, values in columns.items():
            slope = Slope.through(hours, values)
            flat = slope.surely <= GROWTH_PER_HOUR[name]
            well = well and flat
            print(
                f"{name:<14}{slope.value:>+16.1f}{slope.error:>10.1f}"
                f"{GROWTH_PER_HOUR[name]:>12.0f}  {'flat' if flat else 'GROWS'}"
            )
        peak = self._system.server.resident_kib(peak=True)
        well = well and peak <= MOST_KIB
        print(f"memory at its peak: {peak} KiB, at most {MOST_KIB}")
        tracebacks = self._system.server.tracebacks()
        well = well and not tracebacks
        print(f"kinds of faults: {len(self.kinds)}; statuses: {dict(self.statuses)}")
        print(f"tracebacks in the log: {tracebacks}")
        return well and self._system.server.alive and set(self.statuses) <= {200, 500}


def _answer(outcome: Outcome, body: bytes) -> int:
    assert outcome.status == 200, f"the census was answered by {outcome.status}"
    return int(json.loads(body)["responses"][0]["response"])


def main() -> int:
    """Run the soak; return the exit code."""
    confine_to_loopback()
    seconds, seed = setting("SECONDS", 600), int(setting("SEED", random.randrange(10**6)))
    if seconds < LEAST_SECONDS:
        raise SystemExit(f"SECONDS: nothing can be said after less than {LEAST_SECONDS}")
    print(f"{seconds:.0f} s, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as site:
        install(Path(site))
        with running({"PYTHONPATH": site}) as system:
            soak = Soak(system, seconds, seed)
            asyncio.run(soak.run())
            well = soak.verdict()
    print("PASSED" if well else "FAILED")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
