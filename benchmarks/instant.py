"""A plugin whose five models answer at once, in process: what is left is the core's own cost."""

from collections.abc import Sequence
from pathlib import Path

from coro_core import GenerateRequest, Generation, Model, Usage, hookimpl

MODELS = tuple(f"instant-{number}" for number in range(5))


class InstantPlugin:
    """Five models without a provider."""

    coro_contract = 1

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return the five models."""
        return tuple(
            Model(id=name, name=name, provider="Nobody", cost="free", candidates=(name,))
            for name in MODELS
        )

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Answer at once."""
        usage = Usage(input_tokens=3, output_tokens=5)
        return Generation(text="2 + 2 = 4.", model=request.model, usage=usage)


def install(directory: Path) -> None:
    """Describe the plugin below `directory`, which is to be on the path, as an installer does."""
    info = directory / "coro_instant-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coro-instant\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coro]\ninstant = benchmarks.instant:InstantPlugin\n")
