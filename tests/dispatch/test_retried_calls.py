"""A call that failed is made once more, when that can help and there is time."""

import asyncio
from typing import Any

import pytest

from coro_core import (
    ConnectionFailed,
    GenerateRequest,
    RateLimited,
)
from coro_core.contract import errors as coro_errors
from support.plugins import NO_REAL_PLUGINS, Echo, Installer
from support.server import ask, running


class Failing(Echo):
    """Fails as its error says, and counts the calls."""

    error: coro_errors.ProviderError
    calls = 0

    async def generate(self, request: GenerateRequest) -> Any:
        type(self).calls += 1
        raise self.error


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (ConnectionFailed(), 2),
        (coro_errors.Overloaded(), 2),
        (coro_errors.UpstreamError(), 2),
        (ConnectionFailed(retryable=False), 1),
        (RateLimited(retry_after=600), 1),
        (coro_errors.AuthenticationFailed(), 1),
        (coro_errors.QuotaExhausted(), 1),
        (coro_errors.BadRequest(), 1),
        (coro_errors.TooLarge(), 1),
        (coro_errors.ContentBlocked(), 1),
        (coro_errors.EmptyResponse(), 1),
        (coro_errors.InvalidResponse(), 1),
        (coro_errors.Timeout(), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_a_call_is_made_again_once_and_only_when_that_can_help(
    install: Installer, failure: coro_errors.ProviderError, calls: int
) -> None:
    class This(Failing):
        error = failure

    install.add("failing", This)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "echo")
    [row] = response.json()["responses"]
    assert response.status_code == 500
    assert row["error_code"] == failure.code
    assert row["retry_after_s"] == failure.retry_after
    assert This.calls == calls


async def test_retries_stop_when_everything_fails(install: Installer) -> None:
    class Down(Failing):
        error = ConnectionFailed()

    install.add("failing", Down)
    async with running(NO_REAL_PLUGINS) as client:
        responses = await asyncio.gather(*(ask(client, "echo") for _ in range(100)))
    assert all(response.status_code == 500 for response in responses)
    # A hundred first attempts, ten retries to begin with, and one for every ten calls.
    assert Down.calls <= 100 + 10 + 100 * 0.1


async def test_no_retry_is_made_that_does_not_fit_the_deadline(install: Installer) -> None:
    class Down(Failing):
        error = ConnectionFailed()

    install.add("failing", Down)
    async with running(NO_REAL_PLUGINS) as client:
        await ask(client, "echo", timeout=0.5)
    assert Down.calls == 1
