"""A plugin that keeps the whole contract, in small methods that subclasses break one at a time."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    ContentBlocked,
    EmptyResponse,
    GenerateRequest,
    Generation,
    InvalidResponse,
    Model,
    ModelUnavailable,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Timeout,
    TooLarge,
    UpstreamError,
    hookimpl,
)
from coro_core.kit import api_key, base_url, load_module
from coro_core.testing import CANARY_KEY, Behaviour, Call, HttpReply

KEY, ADDRESS = "ACME_API_KEY", "ACME_BASE_URL"
HELP = "get one at https://acme.example/keys"
LEAVES = {
    leaf.code: leaf
    for leaf in (
        AuthenticationFailed,
        BadRequest,
        ConnectionFailed,
        ContentBlocked,
        EmptyResponse,
        InvalidResponse,
        ModelUnavailable,
        Overloaded,
        QuotaExhausted,
        RateLimited,
        Timeout,
        TooLarge,
        UpstreamError,
    )
}

SCRIPTS: WeakKeyDictionary["Acme", Behaviour] = WeakKeyDictionary()


class Acme:
    """A provider that sends CORO's own error codes."""

    coro_contract = 1
    models: Sequence[Model] = (
        Model(id="acme", name="Acme 1", provider="Acme", cost="free", candidates=("acme-1",)),
    )
    client: Any

    @property
    def behaviour(self) -> Behaviour:
        """The script of its simulator; broken plugins read it."""
        return SCRIPTS.get(self, Behaviour())

    @hookimpl
    def coro_list_models(self, environ: Mapping[str, str]) -> Sequence[Model]:
        return self.offered(environ)

    def offered(self, environ: Mapping[str, str]) -> Sequence[Model]:
        return self.models

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        key, address = self.key(environ), self.address(environ)
        async with self.open(key, address):
            yield

    def key(self, environ: Mapping[str, str]) -> str:
        return api_key(environ, KEY, help=HELP)

    def address(self, environ: Mapping[str, str]) -> str:
        return base_url(environ, ADDRESS, "https://acme.example")

    async def load(self) -> None:
        await load_module("coro_core.kit.http.httpx_client")

    @asynccontextmanager
    async def open(self, key: str, address: str) -> AsyncIterator[None]:
        await self.load()
        async with self.new_client(key, address) as self.client:
            yield

    def new_client(self, key: str, address: str) -> AbstractAsyncContextManager[Any]:
        from coro_core.kit.http import open_httpx_client

        return open_httpx_client(address, headers={"Authorization": f"Bearer {key}"})

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        return await self.generate(request)

    async def generate(self, request: GenerateRequest) -> Generation:
        from coro_core.kit.http import read_completion

        return read_completion(self.content(await self.post(self.body(request))))

    async def post(self, body: Mapping[str, Any]) -> Any:
        return await self.client.post("/chat", json=body)

    def body(self, request: GenerateRequest) -> dict[str, Any]:
        from coro_core.kit.http import chat_body

        return chat_body(request, max_tokens=request.max_tokens)

    def content(self, reply: Any) -> bytes:
        if reply.status_code == 200:
            return bytes(reply.content)
        raise self.map_error(reply)

    def map_error(self, reply: Any) -> ProviderError:
        from coro_core.kit.http import read_error, requested_wait

        leaf = LEAVES.get(read_error(reply.content).code, UpstreamError)
        wait = requested_wait(reply.headers)
        return leaf("Ask Acme about it.", retry_after=wait)

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        return await self.live_models()

    async def live_models(self) -> Collection[str]:
        from coro_core.kit.http import read_model_ids

        return read_model_ids(self.content(await self.client.get("/models")))

    @hookimpl
    @asynccontextmanager
    async def coro_simulator(self, behaviour: Behaviour) -> AsyncIterator[Mapping[str, str]]:
        SCRIPTS[self] = behaviour
        async with self.simulated(behaviour) as address:
            yield self.settings(address)

    def settings(self, address: str) -> Mapping[str, str]:
        return {KEY: CANARY_KEY, ADDRESS: address}

    @asynccontextmanager
    async def simulated(self, behaviour: Behaviour) -> AsyncIterator[str]:
        from coro_core.testing import ChatDialect, serve_chat

        dialect = ChatDialect(
            chat_path="/chat",
            models_path="/models",
            default_models={"acme-1": 0.01},
            reply_for_error=self.reply_for_error,
        )
        async with serve_chat(behaviour, dialect) as address:
            yield address

    def reply_for_error(self, code: str, call: Call, behaviour: Behaviour) -> HttpReply:
        from coro_core.testing import error_reply

        status = 429 if code == "rate_limited" else 400
        return error_reply(status, {"code": code, "message": f"Acme says {code}."}, behaviour)
