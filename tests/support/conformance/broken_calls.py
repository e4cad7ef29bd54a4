"""Plugins that send or read a wrong value, or map an error or a fault wrongly."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    Generation,
    InvalidResponse,
    Overloaded,
    ProviderError,
    RateLimited,
    TooLarge,
    UpstreamError,
    Usage,
)
from coro_core.testing import Fault
from support.conformance.acme import LEAVES, Acme
from support.conformance.broken import breaks, made


@breaks("answer")
class AnswersByItself(Acme):
    async def generate(self, request):
        return replace(await super().generate(request), text="4")


@breaks("answer")
class AnswersWithAText(Acme):
    async def generate(self, request):
        return (await super().generate(request)).text


@breaks("answer-complete")
class ReturnsTheTextAlone(Acme):
    async def generate(self, request):
        return Generation(text=(await super().generate(request)).text)


@breaks("answer-complete")
class MakesCountsUp(Acme):
    async def generate(self, request):
        return replace(
            await super().generate(request), usage=Usage(input_tokens=7, output_tokens=9)
        )


@breaks("answer-complete")
class MixesCountsUp(Acme):
    async def generate(self, request):
        answer = await super().generate(request)
        asked, said = answer.usage.input_tokens, answer.usage.output_tokens
        return replace(answer, usage=Usage(input_tokens=said, output_tokens=asked))


@breaks("answering-model")
class NamesTheModelThatWasAsked(Acme):
    async def generate(self, request):
        return replace(await super().generate(request), model=request.model)


@breaks("any-text")
class SendsAscii(Acme):
    def body(self, request):
        prompt = request.prompt.encode("ascii", "replace").decode()
        return super().body(replace(request, prompt=prompt))


@breaks("any-text")
class StripsAnswers(Acme):
    async def generate(self, request):
        answer = await super().generate(request)
        return replace(answer, text=" ".join(answer.text.split()))


@breaks("long-prompt")
class CutsPrompts(Acme):
    def body(self, request):
        return super().body(replace(request, prompt=request.prompt[:50_000]))


@breaks("model-name")
class KnowsItsModels(Acme):
    def body(self, request):
        known = request.model if request.model in ("acme-0", "acme-1") else "acme-1"
        return super().body(replace(request, model=known))


@breaks("temperature")
class LeavesZeroOut(Acme):
    def body(self, request):
        body = super().body(request)
        return body if request.temperature else {**body, "temperature": 1.0}


@breaks("max-tokens")
class SendsNoLimit(Acme):
    def body(self, request):
        return {**super().body(request), "max_tokens": 4096}


class _Misreads(Acme):
    """Raises a wrong error for one code."""

    misread = ""

    async def generate(self, request):
        try:
            return await super().generate(request)
        except ProviderError as error:
            if error.code == self.misread:
                other = UpstreamError if error.code != "upstream_error" else BadRequest
                raise other("Ask Acme about it.") from None
            raise


for _code in LEAVES:
    made(f"Misreads_{_code}", _Misreads, f"error-{_code.replace('_', '-')}", misread=_code)


@breaks("error-bad-request")
class TriesInVain(Acme):
    async def generate(self, request):
        try:
            return await super().generate(request)
        except BadRequest:
            raise BadRequest("Ask Acme about it.", retryable=True) from None


@breaks("error-overloaded")
class RaisesWhatIsNoLeaf(Acme):
    async def generate(self, request):
        try:
            return await super().generate(request)
        except Overloaded:
            raise RuntimeError("too busy") from None


@breaks("retry-after")
class KeepsTheWaitToItself(Acme):
    def map_error(self, reply):
        error = super().map_error(reply)
        error.retry_after = None
        return error


@breaks("retry-after")
class MakesAWaitUp(Acme):
    def map_error(self, reply):
        error = super().map_error(reply)
        if isinstance(error, RateLimited):
            error.retry_after = error.retry_after or 60.0
        return error


@breaks("no-retries")
class TriesAgain(Acme):
    async def generate(self, request):
        try:
            return await super().generate(request)
        except Overloaded:
            return await super().generate(request)


@breaks("no-retries")
class AsksForTheListAgain(Acme):
    async def live_models(self):
        try:
            return await super().live_models()
        except Overloaded:
            return await super().live_models()


@breaks("key-refused")
class HelpsNobody(Acme):
    def map_error(self, reply):
        error = super().map_error(reply)
        return AuthenticationFailed() if error.code == "authentication_failed" else error


@breaks("live-models")
class ListsWhatItOffers(Acme):
    async def live_models(self):
        await super().live_models()
        return ["acme-1"]


@breaks("live-models")
class HasNoList(Acme):
    coro_live_models = None  # type: ignore[assignment]


@breaks("live-models-refused")
class ListsNothingWhenRefused(Acme):
    async def live_models(self):
        try:
            return await super().live_models()
        except RateLimited:
            return []


class _Fumbles(Acme):
    """Raises a wrong error for one fault of the transport."""

    fumbled = Fault.RESET

    async def generate(self, request):
        if self.behaviour.fault is not self.fumbled:
            return await super().generate(request)
        try:
            await super().generate(request)
        except (ProviderError, asyncio.CancelledError):
            raise TooLarge("Ask Acme about it.") from None
        raise InvalidResponse


for _fault in Fault:
    made(f"Fumbles_{_fault}", _Fumbles, f"fault-{_fault.replace('_', '-')}", fumbled=_fault)


@breaks("fault-hang")
class MissesTheDeadline(Acme):
    async def generate(self, request):
        try:
            return await super().generate(request)
        except asyncio.CancelledError:
            if self.behaviour.fault is not Fault.HANG:
                raise
        return Generation(text="It has taken a while.")


@breaks("fault-disconnect")
class NeverRecovers(Acme):
    async def post(self, body):
        if self.behaviour.fault is Fault.DISCONNECT:
            self.lost = True
        if getattr(self, "lost", False):
            raise ConnectionFailed
        return await super().post(body)


@breaks("opens-quietly")
class AsksWhenItOpens(Acme):
    @asynccontextmanager
    async def open(self, key, address):
        async with super().open(key, address):
            with suppress(ProviderError):
                await self.live_models()
            yield


@breaks("provider-down")
class ConnectsWhenItOpens(Acme):
    def new_client(self, key, address):
        parts = urlsplit(address)
        if parts.scheme == "http":
            socket.create_connection((parts.hostname, parts.port)).close()
        return super().new_client(key, address)


@breaks("tls")
class DoesWithoutTls(Acme):
    def new_client(self, key, address):
        return super().new_client(key, address.replace("https:", "http:"))


@breaks("tls")
class TrustsAnyone(Acme):
    def new_client(self, key, address):
        if address.startswith("http:"):
            return super().new_client(key, address)
        import httpx

        return httpx.AsyncClient(base_url=address, verify=False, trust_env=False)

    async def post(self, body):
        import httpx

        try:
            return await super().post(body)
        except httpx.TransportError:
            raise ConnectionFailed from None

    def map_error(self, reply):
        # Only the call itself may fail the check.
        return ConnectionFailed() if reply.url.scheme == "https" else super().map_error(reply)
