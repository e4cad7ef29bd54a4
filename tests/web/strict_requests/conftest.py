"""Servers for bad requests, which are never a bug of ours."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from coro_core import BadRequest, GenerateRequest, NotConfigured, hookimpl
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import running


class Answering(Echo):
    models = (model("a"), model("b"), model("bad"))

    async def generate(self, request: GenerateRequest) -> Any:
        if request.model == "bad-upstream":
            raise BadRequest
        return await super().generate(request)


class Keyless(Echo):
    models = (model("locked"),)

    @hookimpl
    def coro_lifespan(self, environ: Any) -> Any:
        raise NotConfigured("LOCK_API_KEY", help="get one at https://lock.example/keys")


@contextlib.asynccontextmanager
async def serving(
    tmp_path_factory: pytest.TempPathFactory, **environ: str
) -> AsyncIterator[httpx.AsyncClient]:
    installer = Installer(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installer.directory)
        installer.add("answering", Answering)
        installer.add("keyless", Keyless)
        async with running({**NO_REAL_PLUGINS, **environ}) as client:
            yield client
    installer.remove_all()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server with the limits as they are by default."""
    async with serving(tmp_path_factory, CORO_BODY_TIMEOUT="20") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server that takes small bodies only, and waits for them but a moment."""
    limits = {"CORO_MAX_BODY_BYTES": "2048", "CORO_BODY_TIMEOUT": "0.3"}
    async with serving(tmp_path_factory, **limits) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_bug_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR, logger="uvicorn.error"):
        yield
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
