"""Measure: `make bench`, or `python -m benchmarks [--quick] [--case NAME] [--write]`.

`--against DIRECTORY` compares two checkouts in one run: this one, and the one in the directory.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from benchmarks import report
from benchmarks.cases import Case, Server, beside, cases
from benchmarks.load import Measured, chat_request, drive
from benchmarks.processes import Child, free_port, python

CONCURRENT = (1, 16, 64, 256)
ROUNDS = 3
STARTS_A_ROUND = 2
SECONDS = 2.0
SERVER_CORE, REST_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Figures:
    """One server under one load: medians over the rounds; `None` without a full answer."""

    case: str
    server: str
    delay_ms: int
    concurrent: int
    cpu_ms: float | None
    """CPU time of the server for one request."""
    added_p50_ms: float | None
    """Latency beyond the delay of the providers."""
    added_p99_ms: float | None
    per_second: float
    errors: int
    """Requests of all rounds without a full answer."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """One server as a process."""

    case: str
    server: str
    start_ms: float
    """From the start of the process to the first answer of `/health`; the median of the starts."""
    idle_mib: float
    after_mib: float
    """Resident memory after all the load."""
    peak_mib: float


class Running:
    """A server under test and its load."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self.port = free_port()
        command = [*server.command, str(self.port)]
        self.child = stack.enter_context(Child(command, core=SERVER_CORE, environ=server.environ))
        self.start_ms = self.child.wait_until_served(self.port) * 1000
        self.request = chat_request(list(server.models))

    def load(self, concurrent: int, seconds: float, delay: float = 0.0) -> tuple[Measured, float]:
        """Load it, and return the measurement and its CPU time in seconds.

        Returns only once it is at rest: one that collapsed goes on working for clients who left.
        """
        before = self.child.cpu_seconds()
        load = drive(self.port, self.request, concurrent=concurrent, seconds=seconds, spread=delay)
        measured = asyncio.run(load)
        used = self.child.cpu_seconds()
        self.child.wait_until_at_rest()
        return measured, used - before


Starts = Mapping[tuple[str, str], float]
"""Milliseconds until each server of each case answers."""


def start_ups(chosen: Sequence[Case], count: int) -> Starts:
    """Start every server several times, in turns, and return the medians."""
    taken: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(count):
        for case in chosen:
            for server in case.servers:
                with ExitStack() as stack:
                    taken[case.name, server.name].append(Running(server, stack).start_ms)
    return {key: statistics.median(values) for key, values in taken.items()}


def measure(
    case: Case,
    upstreams: Child,
    starts: Starts,
    concurrent: Sequence[int],
    *,
    rounds: int,
    seconds: float,
) -> tuple[list[Figures], list[Footprint]]:
    """Measure every server of a case, in turns, under every load."""
    figures = []
    with ExitStack() as stack:
        running = [Running(server, stack) for server in case.servers]
        for one in running:
            one.load(4, 1.0)  # every connection, cache and plugin is warm
        idle = [one.child.memory_mib() for one in running]
        for delay, clients in product(case.delays, concurrent):
            upstreams.write_line(str(delay))
            upstreams.read_line()
            runs: list[list[tuple[Measured, float]]] = [[] for _ in running]
            for _ in range(rounds):
                for one, taken in zip(running, runs, strict=True):
                    taken.append(one.load(clients, max(seconds, delay * 6), delay))
            for one, taken in zip(running, runs, strict=True):
                figures.append(_figures(case, one, delay, clients, taken))
                report.progress(figures[-1])
        footprints = [
            Footprint(
                case.name,
                one.server.name,
                round(starts[case.name, one.server.name]),
                round(before, 1),
                round(one.child.memory_mib(), 1),
                round(one.child.memory_mib("VmHWM"), 1),
            )
            for one, before in zip(running, idle, strict=True)
        ]
    return figures, footprints


def _figures(
    case: Case, one: Running, delay: float, clients: int, taken: list[tuple[Measured, float]]
) -> Figures:
    answered = [(measured, cpu) for measured, cpu in taken if measured.latencies]

    def median(values: list[float], digits: int) -> float | None:
        return round(statistics.median(values), digits) if values else None

    return Figures(
        case=case.name,
        server=one.server.name,
        delay_ms=round(delay * 1000),
        concurrent=clients,
        cpu_ms=median([cpu / measured.requests * 1000 for measured, cpu in answered], 3),
        added_p50_ms=median([m.percentile_ms(0.5) - delay * 1000 for m, _ in answered], 2),
        added_p99_ms=median([m.percentile_ms(0.99) - delay * 1000 for m, _ in answered], 2),
        per_second=round(statistics.median(measured.per_second for measured, _ in taken), 1),
        errors=sum(measured.errors for measured, _ in taken),
    )


def main() -> None:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, for a first impression"
    )
    parser.add_argument("--case", action="append", help="core, plugins, http or openai; repeatable")
    parser.add_argument("--clients", type=int, action="append", help="1, 16, 64 or 256; repeatable")
    parser.add_argument(
        "--against", type=Path, help="another checkout, set up by make, in place of the floors"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.*")
    arguments = parser.parse_args()
    rounds, seconds = (1, 1.0) if arguments.quick else (ROUNDS, SECONDS)
    environment = report.environment()
    print(json.dumps(environment, indent=2), file=sys.stderr)
    figures: list[Figures] = []
    footprints: list[Footprint] = []
    with ExitStack() as stack:
        upstreams = stack.enter_context(Child(python("-m", "benchmarks.upstreams"), core=REST_CORE))
        chosen = [
            case
            for case in stack.enter_context(cases(json.loads(upstreams.read_line())))
            if not arguments.case or case.name in arguments.case
        ]
        if arguments.against:
            chosen = [beside(case, arguments.against) for case in chosen]
        starts = start_ups(chosen, STARTS_A_ROUND * rounds)
        for case in chosen:
            more, processes = measure(
                case,
                upstreams,
                starts,
                arguments.clients or CONCURRENT,
                rounds=rounds,
                seconds=seconds,
            )
            figures += more
            footprints += processes
    results = {
        "environment": environment,
        "loads": [asdict(it) for it in figures],
        "processes": [asdict(it) for it in footprints],
    }
    print(report.tables(results, with_goals=not arguments.against))
    if arguments.write:
        report.write(results)


if __name__ == "__main__":
    import os

    os.sched_setaffinity(0, {REST_CORE})
    main()
