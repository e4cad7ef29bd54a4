"""Properties of every call to a plugin, for any reply of its provider."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import event
from pydantic_core import to_json

from coro_core import GenerateRequest, Generation, ProviderError
from coro_core.api.schemas import ModelResponse
from coro_core.api.serializers import model_response
from coro_core.contract.errors import ERROR_CODES
from coro_core.dispatch.result import ModelResult
from coro_core.plugins.validation import validate_generation
from support.faults.canaries import PROMPT, leaks

LONGEST = 10.0
"""Seconds; the providers here answer at once and hang up, so that nothing can take as long."""


def request_for(model: str) -> GenerateRequest:
    """Return a request that does not matter."""
    return GenerateRequest(model=model, prompt=PROMPT, temperature=0.5, max_tokens=9, timeout=5.0)


async def keeps_the_contract(call: Callable[[], Awaitable[Generation]]) -> None:
    """Assert that a call gives an answer or a proper error, either of which makes a row."""
    try:
        generation = await asyncio.wait_for(call(), LONGEST)
        generation = validate_generation(generation)
    except ProviderError as error:
        _is_proper(error)
        row = ModelResult(
            model="a",
            error=error.message,
            error_code=error.code,
            retry_after_s=error.retry_after,
        )
    else:
        row = ModelResult(
            model="a",
            response=generation.text,
            upstream_model=generation.model,
            finish_reason=generation.finish_reason,
            usage=generation.usage,
        )
    event(row.error_code or "answered")
    shown = ModelResponse.model_validate_json(to_json(model_response(row)), strict=True)
    assert bool(shown.response) is (shown.error_code is None)


async def lists_or_fails(call: Callable[[], Awaitable[Any]]) -> None:
    """Assert that a call gives names or a proper error."""
    try:
        names = await asyncio.wait_for(call(), LONGEST)
    except ProviderError as error:
        _is_proper(error)
    else:
        assert all(type(name) is str for name in names)


def _is_proper(error: ProviderError) -> None:
    assert ProviderError in type(error).__bases__, f"{type(error)} is no leaf"
    assert error.code in ERROR_CODES
    shown = f"{error} {error!r} {error.args!r} {error.message}"
    assert not leaks(shown.encode()), shown
    assert error.retry_after is None or 0 <= error.retry_after <= 86_400
