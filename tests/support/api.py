"""The API before plugins that do as the names of their models say; the shapes of replies."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar

import httpx
import pytest

from coro_core import (
    AuthenticationFailed,
    GenerateRequest,
    Generation,
    ModelUnavailable,
    NotConfigured,
    Overloaded,
    RateLimited,
    Usage,
    hookimpl,
)
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import running

ROW = {
    "model": str,
    "response": str,
    "tokens": int | None,
    "latency_ms": int,
    "error": str | None,
    "error_code": str | None,
    "upstream_model": str | None,
    "substituted": bool,
    "note": str | None,
    "finish_reason": str | None,
    "usage": dict,
    "retry_after_s": float | int | None,
}
USAGE = {
    "input_tokens": int | None,
    "output_tokens": int | None,
    "reasoning_tokens": int | None,
}
CHAT = {
    "responses": list,
    "total_latency_ms": int,
    "succeeded": int,
    "failed": int,
    "request_id": str,
}
PROBLEM = {
    "type": str,
    "title": str,
    "status": int,
    "detail": str,
    "request_id": str,
    "errors": list,
}
OUR_ID = re.compile(r"[0-9a-f]{16}")


def has_shape(value: Any, shape: dict[str, Any]) -> None:
    """Check that an object has exactly these fields, of exactly these types."""
    assert list(value) == list(shape)
    for name, expected in shape.items():
        if value[name] is True or value[name] is False:
            assert expected is bool, name
        else:
            assert isinstance(value[name], expected), name


class Scripted(Echo):
    """Does what the name of the model says, and keeps the requests."""

    models = (
        *(model(name) for name in ("a", "b", "silent", "cut", "refused")),
        *(model(name) for name in ("soon", "later", "at-once", "never")),
        model("retired", "old-1", "new-1"),
        model("gone", "old-2", "old-3"),
    )
    seen: ClassVar[list[GenerateRequest]] = []
    waits: ClassVar[dict[str, Any]] = {"soon": 16.2, "later": 99, "never": None}

    async def generate(self, request: GenerateRequest) -> Any:
        self.seen.append(request)
        name = request.model.removesuffix("-upstream")
        if name.startswith("old-"):
            raise ModelUnavailable
        if name in self.waits:
            raise RateLimited(retry_after=self.waits[name], retryable=False)
        match name:
            case "refused":
                raise AuthenticationFailed("Check ACME_API_KEY.")
            case "at-once":
                raise Overloaded(retry_after=0, retryable=False)
            case "silent":
                return Generation(text="hm")
            case "cut":
                usage = Usage(input_tokens=2, output_tokens=3, reasoning_tokens=4)
                return Generation(text="and then", finish_reason="length", usage=usage)
        return await super().generate(request)


class Keyless(Echo):
    models = (model("locked", "locked-1", "locked-2", provider="Lock Ltd"),)

    @hookimpl
    def coro_lifespan(self, environ: Any) -> Any:
        raise NotConfigured("LOCK_API_KEY", help="get one at https://lock.example/keys")


class Unlisted(Echo):
    @hookimpl
    def coro_list_models(self) -> Any:
        return None


@contextmanager
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugins of this file."""
    installer = Installer(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installer.directory)
        installer.add("scripted", Scripted)
        installer.add("keyless", Keyless, version="2.1")
        installer.add("unlisted", Unlisted)
        yield
    installer.remove_all()


@asynccontextmanager
async def serving(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the plugins of this file."""
    with installed(tmp_path_factory):
        async with running(NO_REAL_PLUGINS) as client:
            yield client
