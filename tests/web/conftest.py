"""A server for the tests of the API."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from support.api import serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One server for all tests that do not need one of their own."""
    async with serving(tmp_path_factory) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A server of its own: after a provider's wait, CORO does not ask again at once."""
    async with serving(tmp_path_factory) as client:
        yield client
