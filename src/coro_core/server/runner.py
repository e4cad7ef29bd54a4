"""The HTTP server around the application: what it may open, and how it, or several workers, stop.

uvicorn closes its listening socket at the end, and with it every connection that was opened but has
not yet said what it wants. Here the socket first stops taking connections, and those that were
opened are answered before it is closed.
"""

import asyncio
import ctypes
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess

from coro_core.server.http_protocol import BoundedHttpProtocol

LAST_REQUESTS_SECONDS = 0.2
"""How long connections that were opened just before the end have, to say what they want."""
LAST_REPLIES_SECONDS = 1
"""How long the others have to be done: chat requests have had the grace by then."""
LISTENERS = 8
"""How many connections are taken in one round of the event loop.

uvloop takes one for each handle that listens (https://github.com/libuv/libuv/pull/3696,
2026-11-22), and a round under load takes milliseconds: the last of a few hundred that come at once
would wait for seconds, and with it a look at `/health`.
"""
_KEEP_ALIVE_SECONDS = 75
"""Longer than the minute that proxies keep a connection, so that the proxy closes it first."""
_LOOK_SECONDS = 0.05
_SO_ATTACH_FILTER = 26
# Classic BPF: load the flags of the TCP header, drop the packet if SYN is set, else let it through.
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def serve_app(app: str, *, host: str, port: int, workers: int, reload: bool) -> None:
    """Serve the application factory `app` until told to stop, from one process or several.

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
    open_as_much_as_allowed()
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
    """One process that answers whoever has got a connection before it stops."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then listen with several handles to each socket."""
        await super().startup(sockets)
        # There is no uvloop on Windows; asyncio takes all that have come.
        if sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        for listener in [it for server in self.servers for it in server.sockets]:
            for _ in range(LISTENERS - 1):
                again = socket.socket(fileno=os.dup(listener.fileno()))
                backlog = self.config.backlog
                self.servers.append(
                    await loop.create_server(self._connection, sock=again, backlog=backlog)
                )

    def _connection(self) -> asyncio.Protocol:
        # A cast, since uvicorn's type for it knows no arguments.
        protocol = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer those there are, then stop as uvicorn does.

        With `sockets` of another process, which lives on and opens the next server on them, they
        are left as they are.
        """
        if sockets is None:
            for server in self.servers:
                for listener in server.sockets:
                    take_no_more(listener.fileno())
            await asyncio.sleep(LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)


class Workers(Multiprocess):
    """Several processes on one socket, and the one that starts, watches and stops them."""

    def terminate_all(self) -> None:
        """Tell each worker to finish what it has, and let none get more."""
        for listener in self.sockets:
            take_no_more(listener.fileno())
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers' ends; a second signal makes them immediate."""
        self.signal_queue.clear()
        while any(worker.process.is_alive() for worker in self.processes):
            if self.signal_queue:
                for worker in self.processes:
                    worker.process.kill()
            time.sleep(_LOOK_SECONDS)
        super().join_all()


def open_as_much_as_allowed() -> None:
    """Raise the limit of open files, for this process and its workers, to what the system allows.

    Each call in flight holds one. The usual 1,024 are for programs that use select().
    """
    if sys.platform == "win32":
        return
    import resource

    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems name a limit that they then do not grant.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


def take_no_more(listener: int) -> None:
    """Make a listening socket ignore new connections, where the system can: on Linux.

    They are refused once the socket is closed; until then their callers wait. Without this, those
    that are opened between the last look and the close would be reset, with a request in them.
    https://www.kernel.org/doc/html/latest/networking/filter.html, 2026-11-22.
    """
    if not sys.platform.startswith("linux"):
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(code))
    # Some sandboxes know no filters. The socket is closed a moment later in any case.
    with suppress(OSError), socket.socket(fileno=os.dup(listener)) as handle:
        handle.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
