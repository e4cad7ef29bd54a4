"""A failed call is retried once, if a retry can help and fits the deadline."""

import asyncio
from typing import Any

import pytest

from coro_core import (
    ConnectionFailed,
    GenerateRequest,
    RateLimited,
    Service,
    UpstreamError,
    hookimpl,
)
from coro_core.contract import errors as coro_errors
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import ask, running


class Failing(Echo):
    """Raises its error, and counts the calls."""

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
async def test_a_call_is_retried_once_and_only_if_that_can_help(
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
    # A hundred first attempts, ten retries at the start, and one for every ten calls.
    assert Down.calls <= 100 + 10 + 100 * 0.1


async def test_no_retry_is_made_that_does_not_fit_the_deadline(install: Installer) -> None:
    class Down(Failing):
        error = ConnectionFailed()

    install.add("failing", Down)
    async with running(NO_REAL_PLUGINS) as client:
        await ask(client, "echo", timeout=0.5)
    assert Down.calls == 1


async def test_the_outage_of_one_service_does_not_use_up_the_retries_of_another(
    install: Installer,
) -> None:
    class TwoServices(Echo):
        """Service `a` is down. Service `b` fails once."""

        models = (model("m-a", "a/x"), model("m-b", "b/x"))
        calls = 0

        @hookimpl
        def coro_services(self) -> Any:
            return {"a": Service(name="A"), "b": Service(name="B")}

        async def generate(self, request: GenerateRequest) -> Any:
            if request.model == "a/x":
                raise ConnectionFailed
            type(self).calls += 1
            if self.calls == 1:
                raise UpstreamError
            return answer("ok")

    install.add("two", TwoServices)
    async with running(NO_REAL_PLUGINS) as client:
        await asyncio.gather(*(ask(client, "m-a") for _ in range(100)))
        [row] = (await ask(client, "m-b")).json()["responses"]
    assert (row["error"], row["response"]) == (None, "ok")
    assert TwoServices.calls == 2
