"""The HTTP server around the application: its limits, its listening sockets, and its stop.

uvicorn resets, at its end, connections that were opened but have not sent their request yet. This
server first accepts every waiting connection and gives each some time to send its request.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess, multiprocess
from uvicorn.supervisors.multiprocess import Process

from coro_core.server.http_protocol import BoundedHttpProtocol

LAST_REQUESTS_SECONDS = (0.2, 0.7)
"""Time for the last requests: at least the first, at most the second while a new connection is
silent. A connection that sends its request later is closed without an answer."""
LAST_REPLIES_SECONDS = 1
"""Time that other requests have to finish; chat requests had the grace before. Later ones are
cancelled."""
LISTEN_HANDLES = 8
"""Connections that the event loop accepts in one iteration."""
_KEEP_ALIVE_SECONDS = 75
"""Proxies keep a connection for a minute. A longer time here lets the proxy close it first."""
_POLL_SECONDS = 0.05


def serve_app(app: str, *, host: str, port: int, workers: int, reload: bool) -> None:
    """Serve the application factory `app` until a stop signal, from one process or several.

    `app` is `module:function`. Exits with 3 if the server could not start.
    """
    config = uvicorn.Config(
        app,
        factory=True,
        http=BoundedHttpProtocol,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        log_config=None,
        access_log=False,
        server_header=False,
        # Pin it: otherwise uvicorn's answer to an upgrade depends on installed packages.
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_REPLIES_SECONDS,
    )
    raise_nofile_limit()
    server = Server(config)
    if config.should_reload:
        ChangeReload(config, server.run, [config.bind_socket()]).run()
    elif config.workers > 1:
        Workers(config, [config.bind_socket()]).run()
    else:
        with suppress(KeyboardInterrupt):
            server.run()
        if not server.started:
            sys.exit(STARTUP_FAILURE)


class Server(uvicorn.Server):
    """One process that answers every connection that it accepted."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then add the other listening handles."""
        await super().startup(sockets)
        # Windows has no uvloop; asyncio accepts all waiting connections in one iteration.
        if sys.platform != "win32":
            await self._add_listen_handles()

    async def _add_listen_handles(self) -> None:
        """Listen on each socket with `LISTEN_HANDLES` handles.

        uvloop accepts one connection per handle and iteration, and an iteration under load takes
        milliseconds. With one handle the last of a few hundred connections waits for seconds, and
        so does a request for `/health`. https://github.com/libuv/libuv/pull/3696, 2026-11-22.
        """
        loop = asyncio.get_running_loop()
        for listener in self._listeners():
            for _ in range(LISTEN_HANDLES - 1):
                again = socket.socket(fileno=os.dup(listener.fileno()))
                backlog = self.config.backlog
                self.servers.append(
                    await loop.create_server(self._protocol, sock=again, backlog=backlog)
                )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer the accepted connections, then stop as uvicorn does."""
        await self.stop_accepting()
        await self._wait_for_last_requests()
        await super().shutdown(sockets)

    async def stop_accepting(self) -> None:
        """Accept the waiting connections and close this process's listening sockets.

        The system resets the connections that wait when the last process closes its socket. Nothing
        is awaited between the last accept and the close, so only a connection that arrives in these
        microseconds is reset; later ones are refused.
        """
        accepted: list[socket.socket] = []
        if sys.platform != "win32":
            for listener in self._listeners():
                accepted += _accept_waiting(listener.fileno())
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.connect_accepted_socket(self._protocol, it) for it in accepted),
            return_exceptions=True,
        )

    async def _wait_for_last_requests(self) -> None:
        least, most = LAST_REQUESTS_SECONDS
        await asyncio.sleep(least)
        # Rounds, not a deadline: a loop that was held up runs its timers before it reads.
        for _ in range(round((most - least) / _POLL_SECONDS)):
            # uvicorn sets the cycle when it has read the head of the first request.
            if all(getattr(it, "cycle", None) for it in self.server_state.connections):
                break
            await asyncio.sleep(_POLL_SECONDS)

    def _listeners(self) -> list[socket.socket]:
        return [listener for server in self.servers for listener in server.sockets]

    def _protocol(self) -> asyncio.Protocol:
        # uvicorn types the class without arguments.
        protocol = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


class Worker(Process):
    """One of several processes, with our `Server`."""

    @property
    def server(self) -> uvicorn.Server:
        """Return the server of this process."""
        if self._server is None:
            self._server = Server(self.config)
        return self._server


class Workers(Multiprocess):
    """The parent of several processes on one socket: starts, watches and stops them."""

    def run(self) -> None:
        """Run until a stop signal.

        uvicorn 0.54 has no parameter for the class of its workers and finds it in its module.
        """
        multiprocess.Process = Worker  # type: ignore[misc]
        super().run()

    def terminate_all(self) -> None:
        """Signal each worker to stop, and leave the listening socket to the workers.

        The parent accepts nothing. A connection that waits on its socket after the last worker has
        stopped would be reset.
        """
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def join_all(self) -> None:
        """Wait until the workers have ended; a second signal kills them."""
        self.signal_queue.clear()
        while any(worker.process.is_alive() for worker in self.processes):
            if self.signal_queue:
                for worker in self.processes:
                    worker.process.kill()
            time.sleep(_POLL_SECONDS)
        super().join_all()


def raise_nofile_limit() -> None:
    """Raise the soft limit of open files to the hard limit, for this process and its workers.

    Each call in flight holds a file. The usual 1,024 exist for programs that use select().
    """
    if sys.platform == "win32":
        return
    import resource

    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems report a hard limit that they do not grant.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


def _accept_waiting(listener: int) -> Iterator[socket.socket]:
    """Accept every connection that waits on the listening socket with this descriptor."""
    with socket.socket(fileno=os.dup(listener)) as handle:
        handle.setblocking(False)
        # None is left, or no descriptor is free.
        with suppress(OSError):
            while True:
                yield handle.accept()[0]
