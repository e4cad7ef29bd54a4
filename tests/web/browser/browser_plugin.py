"""A plugin whose models a test scripts; installed into the environment of a server.

The prompt is the script: JSON with an answer for each model, or else an answer for all.
"""

import asyncio
import json
from dataclasses import replace
from typing import Any

from coro_core import GenerateRequest, ModelUnavailable, RateLimited
from support.plugins import Echo, answer, model


class Plugin(Echo):
    """`one`, `two` and `three` answer by the script; each other model has its own behaviour."""

    models = (
        model("one"),
        model("two"),
        model("three"),
        model("held"),
        model("release"),
        model("cut"),
        model("limited"),
        model("fails-once"),
        model("renamed", "old-name", "new-name"),
    )

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self._failed = False

    async def generate(self, request: GenerateRequest) -> Any:
        said = answer(script(request))
        match request.model.removesuffix("-upstream"):
            case "held":
                await self._hold()
            case "release":
                self._released.set()
            case "cut":
                return replace(said, finish_reason="length")
            case "limited":
                raise RateLimited(retry_after=3600)
            case "old-name":
                raise ModelUnavailable
            case "fails-once" if not self._failed:
                self._failed = True
                raise ValueError
        return said

    async def _hold(self) -> None:
        print("held", flush=True)
        try:
            await self._released.wait()
        except asyncio.CancelledError:
            print("given up", flush=True)
            raise
        self._released.clear()


def script(request: GenerateRequest) -> str:
    """Return a model's answer in the script."""
    try:
        answers = json.loads(request.prompt)
    except (ValueError, RecursionError):
        return request.prompt
    if not isinstance(answers, dict):
        return request.prompt
    return str(answers.get(request.model.removesuffix("-upstream"), "Nothing."))
