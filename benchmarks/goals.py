"""The goals, and the test of the figures against them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal with its figure. The limit is a maximum, unless it says at least."""

    text: str
    limit: float
    figure: float
    unit: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """True if the figure, as it is printed, keeps the limit."""
        figure = round(self.figure, 2)
        return figure >= self.limit if self.at_least else figure <= self.limit

    def __str__(self) -> str:
        """Return its row of the table."""
        bound = "≥" if self.at_least else "≤"
        return (
            f"| {self.text} | {bound} {self.limit:g}{self.unit} | {self.figure:.2f}{self.unit}"
            f" | {'reached' if self.reached else '**not reached**'} |"
        )


def goals(results: Results) -> Iterator[Goal]:
    """Yield every goal that the results cover."""
    loads = {
        (it["case"], it["server"], it["delay_ms"], it["concurrent"]): it for it in results["loads"]
    }
    processes = {(it["case"], it["server"]): it for it in results["processes"]}
    counts = sorted({it["concurrent"] for it in results["loads"]})

    def ratio(case: str, other: str, concurrent: int) -> float | None:
        ours, theirs = (loads[case, name, 0, concurrent]["cpu_ms"] for name in ("coro", other))
        return ours / theirs if ours and theirs else None

    for case, other, limit, within in (
        ("core", "bare", 1.5, counts),
        ("plugins", "lean", 1.2, counts),
        ("plugins", "plain", 0.35, [1]),
        ("plugins", "plain", 0.15, [64]),
        ("openai", "raw", 5.0, counts),
    ):
        if (case, other) in processes:
            for concurrent in within:
                if (figure := ratio(case, other, concurrent)) is not None:
                    text = f"{case}: CPU a request, CORO / {other}, {_clients(concurrent)}"
                    yield Goal(text, limit, figure)
    for case in ("plugins", "openai"):
        if (case, "coro") in processes:
            load = loads[case, "coro", 500, 64]
            text = f"{case}: 64 clients, providers that take 500 ms"
            yield Goal(f"{text}: added latency, median", 6.0, load["added_p50_ms"], " ms")
            yield Goal(f"{text}: added latency, 99 %", 25.0, load["added_p99_ms"], " ms")
            yield Goal(f"{text}: errors", 0, load["errors"])
    for case in ("core", "plugins", "openai"):
        if (case, "coro") in processes:
            rates = [loads[case, "coro", 0, concurrent]["per_second"] for concurrent in counts]
            text = f"{case}: answers a second, 256 clients / best"
            yield Goal(text, 0.6, rates[-1] / max(rates), at_least=True)
    for case, idle, after, what in (
        ("plugins", 125, 150, "three plugins"),
        ("http", 80, 95, "without Gemini"),
    ):
        if process := processes.get((case, "coro")):
            yield Goal(f"memory, {what}, idle", idle, process["idle_mib"], " MiB")
            yield Goal(f"memory, {what}, after the load", after, process["after_mib"], " MiB")
    if bare := processes.get(("core", "bare")):
        for case, what in (("core", "no provider's SDK"), ("plugins", "three plugins")):
            if process := processes.get((case, "coro")):
                text = f"start to the first answer of /health, {what} / a bare FastAPI application"
                yield Goal(text, 1.15, process["start_ms"] / bare["start_ms"])


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"
