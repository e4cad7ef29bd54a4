"""A plugin for the soak alone: its one model answers with the number of tasks of the server."""

from pathlib import Path

from support.plugins import Installer

MODEL = "census"
_SOURCE = """
import asyncio

from coro_core import Generation, Model, hookimpl


class Plugin:
    coro_contract = 1

    @hookimpl
    def coro_list_models(self):
        return (Model(id="census", name="Census", provider="Soak", cost="free", candidates=("c",)),)

    @hookimpl
    async def coro_generate(self, request):
        return Generation(text=str(len(asyncio.all_tasks())))
"""


def install(site: Path) -> None:
    """Install it below a folder that the server has on its path."""
    Installer(site).add_source(MODEL, _SOURCE)
