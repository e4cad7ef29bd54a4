"""Plugins that block, leak resources or secrets, or load too much."""

import asyncio
import importlib
import logging
import os
import socket
import threading
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlsplit

from coro_core import Generation, NotConfigured
from support.conformance.acme import Acme
from support.conformance.broken import breaks

if TYPE_CHECKING:
    # Loading it here would break the promise "import-light" as well.
    import httpx

HELD: list[socket.socket] = []
"""Sockets that a plugin leaves open; the test closes them."""


# --- time


@breaks("opening-is-async")
class BlocksWhenItOpens(Acme):
    async def load(self):
        time.sleep(0.7)  # noqa: ASYNC251
        await super().load()


@breaks("calls-are-async")
class BlocksWhileItCalls(Acme):
    async def post(self, body):
        time.sleep(self.behaviour.latency or 0.0)  # noqa: ASYNC251
        return await super().post(body)


@breaks("concurrent")
class CallsTenAtATime(Acme):
    @asynccontextmanager
    async def open(self, key, address):
        self.few = asyncio.Semaphore(10)
        async with super().open(key, address):
            yield

    async def post(self, body):
        async with self.few:
            return await super().post(body)


@breaks("cancellation")
class SwallowsCancellation(Acme):
    async def generate(self, request):
        try:
            return await super().generate(request)
        except asyncio.CancelledError:
            return Generation(text="It does not matter.")


@breaks("cancellation")
class CallsOnAlthoughCancelled(Acme):
    async def post(self, body):
        return await asyncio.shield(asyncio.ensure_future(super().post(body)))


@breaks("closing-ends-calls")
class WaitsForItsCallsToClose(Acme):
    under_way = 0

    @asynccontextmanager
    async def open(self, key, address):
        async with super().open(key, address):
            yield
            while self.under_way:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def post(self, body):
        self.under_way += 1
        try:
            return await super().post(body)
        finally:
            self.under_way -= 1


# --- memory


@breaks("memory")
class ReadsWithoutEnd(Acme):
    def new_client(self, key, address):
        from coro_core.kit.http import open_httpx_client

        headers = {"Authorization": f"Bearer {key}"}
        return open_httpx_client(address, headers=headers, max_reply_bytes=10**12)


# --- secrets


@breaks("own-words")
class QuotesItsProvider(Acme):
    def map_error(self, reply):
        error = super().map_error(reply)
        error.detail = reply.json().get("error", {}).get("message", "") if reply.content else ""
        return error


@breaks("own-words")
class LeadsBackToItsProvider(Acme):
    def content(self, reply):
        try:
            if reply.status_code != 200:
                raise ValueError(reply.text)
        except ValueError as exc:
            raise self.map_error(reply) from exc
        return super().content(reply)


@breaks("own-words")
class SimulatesWithoutWords(Acme):
    def reply_for_error(self, code, call, behaviour):
        return super().reply_for_error(code, call, replace(behaviour, marker=""))


class _Hidden(str):
    """A string whose repr hides it."""

    __slots__ = ()

    def __repr__(self):
        return "..."


class _HidesItsKey(Acme):
    kept = ""

    def key(self, environ):
        self.kept = _Hidden(super().key(environ))
        return self.kept


@breaks("key-not-in-errors")
class ShowsTheStartOfItsKey(_HidesItsKey):
    def map_error(self, reply):
        error = super().map_error(reply)
        if error.code == "authentication_failed":
            error.detail = f"Check the key {self.kept[:8]}..."
        return error


@breaks("key-not-in-errors")
class ShowsTheEndOfItsKey(_HidesItsKey):
    def map_error(self, reply):
        error = super().map_error(reply)
        if error.code == "authentication_failed":
            error.detail = f"Check the key ****{self.kept[-4:]}."
        return error


@breaks("key-not-in-repr")
class ShowsItsKey(_HidesItsKey):
    def __repr__(self):
        return f"Acme({self.kept})"


@breaks("key-not-in-repr")
class HoldsItsKeyInTheOpen(Acme):
    def key(self, environ):
        self.kept = super().key(environ)
        return self.kept


@breaks("key-in-headers-only")
class SendsItsKeyInTheAddress(_HidesItsKey):
    async def post(self, body):
        return await self.client.post(f"/chat?key={quote(self.kept)}", json=body)


@breaks("key-in-headers-only")
class AsksForTheListWithItsKeyInTheAddress(_HidesItsKey):
    async def live_models(self):
        from coro_core.kit.http import read_model_ids

        reply = await self.client.get(f"/models?key={quote(self.kept)}")
        return read_model_ids(self.content(reply))


@breaks("key-in-headers-only")
class SendsItsKeyInTheBody(_HidesItsKey):
    async def post(self, body):
        return await super().post({**body, "key": str(self.kept)})


@breaks("prompt-not-in-address")
class SendsThePromptInTheAddress(Acme):
    async def post(self, body):
        start = quote(body["messages"][0]["content"][:40])
        return await self.client.post(f"/chat?prompt={start}", json=body)


@breaks("logs")
class LogsRequests(Acme):
    async def post(self, body):
        logging.getLogger("acme").debug("sending %s", body)
        return await super().post(body)


@breaks("logs")
class LogsAnswers(Acme):
    async def generate(self, request):
        answer = await super().generate(request)
        logging.getLogger("acme").info("answered", extra={"answer": answer.text})
        return answer


@breaks("logs")
class LogsWhatTheProviderSays(Acme):
    def content(self, reply):
        if reply.status_code != 200:
            try:
                raise ValueError(reply.text)
            except ValueError:
                logging.getLogger("acme").exception("refused")
        return super().content(reply)


@breaks("logs")
class Prints(Acme):
    async def generate(self, request):
        answer = await super().generate(request)
        if self.behaviour.marker:
            print("answered")
        return answer


# --- resources


@breaks("one-client")
class ConnectsForEachCall(Acme):
    @asynccontextmanager
    async def open(self, key, address):
        self.make = lambda: self.new_client(key, address)
        async with super().open(key, address), AsyncExitStack() as self.clients:
            yield

    async def post(self, body):
        client = await self.clients.enter_async_context(self.make())
        return await client.post("/chat", json=body)


@breaks("closes")
class LeavesATask(Acme):
    async def load(self):
        await super().load()
        self.task = asyncio.create_task(asyncio.sleep(3600))


@breaks("closes")
class LeavesAConnection(Acme):
    @asynccontextmanager
    async def open(self, key, address):
        async with super().open(key, address):
            yield
            parts = urlsplit(address)
            with suppress(OSError):
                HELD.append(socket.create_connection((parts.hostname, parts.port)))


@breaks("threads")
class LeavesAThread(Acme):
    async def load(self):
        await super().load()
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@breaks("opens-again")
class OpensOnce(Acme):
    opened = False

    async def load(self):
        if self.opened:
            raise RuntimeError("opened before")
        self.opened = True
        await super().load()


@breaks("opens-after-failure")
class RemembersItsFailure(Acme):
    failed = False

    def key(self, environ):
        if self.failed:
            raise RuntimeError("it has failed before")
        try:
            return super().key(environ)
        except NotConfigured:
            self.failed = True
            raise


@breaks("side-by-side")
class SharesItsClient(Acme):
    shared: ClassVar["httpx.AsyncClient"]

    @asynccontextmanager
    async def open(self, key, address):
        async with super().open(key, address):
            SharesItsClient.shared = self.client
            yield

    async def post(self, body):
        return await SharesItsClient.shared.post("/chat", json=body)


# --- loading


@breaks("unconfigured-light")
class LoadsBeforeItLooksForAKey(Acme):
    def key(self, environ):
        importlib.import_module("coro_core.kit.http.httpx_client")
        return super().key(environ)


@breaks("loading-off-loop")
class LoadsOnTheLoop(Acme):
    async def load(self):
        importlib.import_module("coro_core.kit.http.httpx_client")


@breaks("silent")
class WritesPastPython(Acme):
    async def load(self):
        await super().load()
        os.write(2, b"Welcome to Acme.\n")
