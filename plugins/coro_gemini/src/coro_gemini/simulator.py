"""The simulator of Gemini: one port of loopback that takes gRPC and REST."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from coro_core.kit import load_module
from coro_core.testing import CANARY_KEY, Behaviour, serve_http
from coro_gemini.protocol_mux import ProtocolMux, serve_mux
from coro_gemini.rest.simulator import RestSimulator
from coro_gemini.settings import ADDRESS, KEY

if TYPE_CHECKING:
    from coro_gemini.grpc.simulator import GrpcSimulator


@asynccontextmanager
async def simulate(behaviour: Behaviour) -> AsyncIterator[dict[str, str]]:
    """Serve Gemini's protocols and yield the settings that lead to them."""
    grpc = _LazyGrpcSimulator(behaviour)
    async with (
        serve_http(RestSimulator(behaviour).handle) as address,
        serve_mux(int(address.rpartition(":")[2]), grpc.port) as (mux, port),
    ):
        grpc.mux = mux
        try:
            yield {KEY: behaviour.key or CANARY_KEY, ADDRESS: f"http://127.0.0.1:{port}"}
        finally:
            await grpc.stop()


class _LazyGrpcSimulator:
    """The gRPC server, started for its first client, so that REST alone never loads gRPC."""

    mux: ProtocolMux

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._starting = asyncio.Lock()
        self._running: tuple[GrpcSimulator, int] | None = None

    async def port(self) -> int:
        """Return the server's port. Starts the server if needed."""
        async with self._starting:
            if self._running is None:
                module = await load_module("coro_gemini.grpc.simulator")
                simulator: GrpcSimulator = module.GrpcSimulator(self._behaviour, self.mux)
                self._running = simulator, await simulator.start()
            return self._running[1]

    async def stop(self) -> None:
        """Stop the server if it runs."""
        if self._running is not None:
            await self._running[0].stop()
