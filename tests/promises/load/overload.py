"""Load CORO with ten times its capacity: answers go on, the rest is rejected, health answers.

    make overload               # twice: 10 s at capacity, 30 s at ten times that, 10 s at capacity
    make overload ROUNDS=1 SECONDS=10 LIMIT=100

Capacity is what as many clients get as CORO lets in (LIMIT, default 32), each asking again when it
is answered, before and after. A provider takes LATENCY seconds (default 1, less than 2) to answer.
Every other request of the overload comes over a connection of its own. The exit code is 1 when a
goal is missed.
"""

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from promises.load.client import HEALTH, LOST, Client, Load, chat, closed_loop, open_loop
from promises.load.system import Server, running, setting
from support.network import confine_to_loopback

FACTOR = 10
LEAST_GOODPUT = 0.9
MOST_RECOVERY_SECONDS = 5.0
WARM_UP_SECONDS = 3.0
CALM_SECONDS = 10.0
RAMP_SECONDS = 2.0
"""No answer comes before a provider's first: a short phase would look worse than a long one."""
HEALTH_PER_SECOND = 10
HEALTH_SECONDS = 5.0
"""Seconds that /health may take to count as answered: hosts wait that long."""


@dataclass(slots=True)
class Phase:
    """One phase of a round: what was asked, what came of it, what it cost."""

    name: str
    load: Load
    health: Load
    cpu_seconds: float

    @property
    def goodput(self) -> float:
        """ChatResult a second, of those that came while the phase lasted and was under way."""
        started = min(outcome.sent for outcome in self.load.outcomes)
        first, last = started + RAMP_SECONDS, started + self.load.seconds
        answers = sum(o.status == 200 and first < o.done <= last for o in self.load.outcomes)
        return answers / (last - first)

    @property
    def offered(self) -> float:
        """Requests a second."""
        return len(self.load.outcomes) / self.load.seconds

    def line(self) -> str:
        """Return the phase as a line of the table."""
        load, health = self.load, self.health
        figures = (
            f"{self.offered:9.0f}{self.goodput:9.1f}{load.count(503) / load.seconds:9.0f}",
            f"{len(load.outcomes) - load.count(200, 503):7}",
            f"{load.percentile(0.5, 200):9.0f}{load.percentile(0.99, 200):8.0f}",
            f"{load.percentile(0.99, 503):10.0f}{health.percentile(0.99, 200):12.0f}",
            f"{len(health.outcomes) - health.count(200):6}{self.cpu_seconds / load.seconds:7.0%}",
        )
        return f"{self.name:<10}" + "".join(figures)


HEAD = (
    f"{'':<10}{'offered/s':>9}{'good/s':>9}{'shed/s':>9}{'other':>7}{'p50 ms':>9}{'p99':>8}"
    f"{'shed p99':>10}{'health p99':>12}{'lost':>6}{'cpu':>7}"
)


async def phase(name: str, server: Server, work: Coroutine[Any, Any, Load]) -> Phase:
    """Let a load go by, asking for /health meanwhile."""
    prober, health = Client(server.port), Load(0)

    async def probe() -> None:
        outcome, _ = await prober.send(HEALTH, fresh=True, timeout=HEALTH_SECONDS)
        health.outcomes.append(outcome)

    async def watch() -> None:
        while not loading.done():
            await asyncio.gather(probe(), asyncio.sleep(1 / HEALTH_PER_SECOND))

    used = server.cpu_seconds()
    loading = asyncio.create_task(work)
    await watch()
    return Phase(name, await loading, health, server.cpu_seconds() - used)


def recovery_seconds(overload: Load, after: Load, capacity: float) -> float:
    """Return how long after the overload the goodput was that of before, for a whole second."""
    ended = max(outcome.sent for outcome in overload.outcomes)
    good = sorted(o.done - ended for o in (*overload.outcomes, *after.outcomes) if o.status == 200)
    start = 0.0
    while start <= after.seconds - 1:
        if sum(start <= done < start + 1 for done in good) >= LEAST_GOODPUT * capacity:
            return start
        start += 0.1
    return float("inf")


async def one_round(server: Server, request: bytes, limit: int, seconds: float) -> list[str]:
    """Run one round, print its table, and return which goals it missed."""
    client = Client(server.port)
    await closed_loop(client, request, limit, WARM_UP_SECONDS)
    before = await phase("1x", server, closed_loop(client, request, limit, CALM_SECONDS))
    rate = FACTOR * before.goodput
    over = await phase(f"{FACTOR}x", server, open_loop(client, request, rate, seconds))
    after = await phase("1x again", server, closed_loop(client, request, limit, CALM_SECONDS))
    client.close()

    # What else the machine does changes: the measure is what was there just before and after.
    capacity = (before.goodput + after.goodput) / 2
    kept = over.goodput / capacity
    recovery = recovery_seconds(over.load, after.load, capacity)
    served = before.cpu_seconds / before.load.count(200)
    shed = (over.cpu_seconds - served * over.load.count(200)) / max(over.load.count(503), 1)
    print("\n".join([HEAD, *(part.line() for part in (before, over, after))]))
    print(
        f"goodput kept: {kept:.1%}; recovered in {recovery:.1f} s;"
        f" a request turned away costs {shed / served:.1%} of one served\n",
        flush=True,
    )
    phases = (before, over, after)
    missed = {
        f"goodput at {FACTOR}x is {kept:.1%} of 1x": kept <= LEAST_GOODPUT,
        f"recovery took {recovery:.1f} s": recovery > MOST_RECOVERY_SECONDS,
        "/health was not always answered": any(
            part.health.count(200) < len(part.health.outcomes) for part in phases
        ),
        "requests were lost": any(part.load.count(LOST) for part in phases),
        "the load was not offered in full": over.offered < 0.95 * rate,
    }
    return [goal for goal, is_missed in missed.items() if is_missed]


def main() -> int:
    """Run the rounds; return the exit code."""
    confine_to_loopback()
    limit, seconds = int(setting("LIMIT", 32)), setting("SECONDS", 30)
    rounds = int(setting("ROUNDS", 2))
    missed = []
    with running({"CORO_MAX_IN_FLIGHT": str(limit)}) as system:
        system.providers.behave(latency=setting("LATENCY", 1))
        request = chat(list(system.models.values()))
        print(f"{limit} requests at once, of {len(system.models)} models each\n")
        for _ in range(rounds):
            missed += uvloop.run(one_round(system.server, request, limit, seconds))
    for goal in missed:
        print(f"missed: {goal}")
    print("FAILED" if missed else "PASSED")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
