"""Gemini as seen from the wire: one port of loopback that takes gRPC and REST."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from coro_core.testing import CANARY_KEY, Behaviour, serve_http
from coro_gemini.front import Front, serve_front
from coro_gemini.rest_simulator import RestSimulation

if TYPE_CHECKING:
    from coro_gemini.grpc_simulator import GrpcSimulation


@asynccontextmanager
async def simulate(behaviour: Behaviour) -> AsyncIterator[dict[str, str]]:
    """Serve Gemini's protocols and yield the settings that lead to them."""
    grpc = _Grpc(behaviour)
    async with (
        serve_http(RestSimulation(behaviour).handle) as address,
        serve_front(int(address.rpartition(":")[2]), grpc.port) as (front, port),
    ):
        grpc.front = front
        try:
            yield {
                "GEMINI_API_KEY": behaviour.key or CANARY_KEY,
                "GEMINI_BASE_URL": f"http://127.0.0.1:{port}",
            }
        finally:
            await grpc.stop()


class _Grpc:
    """The gRPC server, started for the first client of it: it is google-generativeai's to load."""

    front: Front

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._starting = asyncio.Lock()
        self._running: tuple[GrpcSimulation, int] | None = None

    async def port(self) -> int:
        """Return the port where the server is."""
        async with self._starting:
            if self._running is None:
                await asyncio.to_thread(importlib.import_module, "coro_gemini.grpc_simulator")
                from coro_gemini.grpc_simulator import GrpcSimulation

                simulation = GrpcSimulation(self._behaviour, self.front)
                self._running = simulation, await simulation.start()
            return self._running[1]

    async def stop(self) -> None:
        """Stop the server if it runs."""
        if self._running is not None:
            await self._running[0].stop()
