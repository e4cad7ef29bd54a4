"""A cold burst against a warm one: `python -m benchmarks.bursts`.

A burst is 64 calls at once of a model that answers after 500 ms. The cold burst is the first one
for its model. It must not take longer than `MAX_RATIO` times the warm one. Exits with 1 if it does.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks.cases import ALL
from coro_core import GenerateRequest, Generation, Model, hookimpl
from coro_core.config.logs import configure_logs
from coro_core.dispatch.caller import Prompt
from coro_core.dispatch.fanout import FanOut
from coro_core.engine.engine import build_engine

BURST = 64
LATENCY_SECONDS = 0.5
MAX_RATIO = 1.15
PROMPT = Prompt("What is 2+2?", 0.7, 16)


class SlowPlugin:
    """One model with a single candidate, and one with a fallback and a list that holds it."""

    coro_contract = 1

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return both models."""
        names = {"single": ("single-1",), "listed": ("listed-1", "listed-2")}
        return tuple(
            Model(id=name, name=name, provider="Nobody", cost="free", candidates=candidates)
            for name, candidates in names.items()
        )

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the names that are served."""
        return ("single-1", "listed-1", "listed-2")

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Answer after a while."""
        await asyncio.sleep(LATENCY_SECONDS)
        return Generation(text="4", model=request.model)


def install(directory: Path) -> None:
    """Describe the plugin below `directory`, which is to be on the path, as an installer does."""
    info = directory / "coro_slow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coro-slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coro]\nslow = benchmarks.bursts:SlowPlugin\n")


async def burst(fanout: FanOut, model: str) -> float:
    """Return the seconds until every call of a burst is answered."""
    started = time.perf_counter()
    replies = await asyncio.gather(*(fanout.ask([model], PROMPT, 5.0) for _ in range(BURST)))
    if any(reply.rows[0].error for reply in replies):
        raise RuntimeError("a call of the burst failed")
    return time.perf_counter() - started


async def worst_ratio() -> float:
    """Print the times of a cold and a warm burst of each model; return the largest ratio."""
    engine = build_engine({"CORO_DISABLED_PLUGINS": ",".join(sorted(ALL))})
    ratios: list[float] = []
    async with engine.started():
        record = engine.plugins.record("slow")
        if record is None:
            raise RuntimeError("the plugin was not found")
        await engine.discovery.refresh(record)
        for model in ("single", "listed"):
            cold, warm = await burst(engine.fanout, model), await burst(engine.fanout, model)
            ratios.append(cold / warm)
            print(f"{model}: cold {cold:.3f} s, warm {warm:.3f} s, ratio {cold / warm:.2f}")
    return max(ratios)


def main() -> None:
    """Measure and judge."""
    with tempfile.TemporaryDirectory() as site:
        install(Path(site))
        sys.path.insert(0, site)
        configure_logs(format="json", level="error")
        ratio = asyncio.run(worst_ratio())
    sys.exit(ratio > MAX_RATIO)


if __name__ == "__main__":
    main()
