"""The plugin under test while it is open, and calls as the core makes them."""

import asyncio
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import ERROR_CODES, ConnectionFailed, ProviderError
from coro_core.contract.types import GenerateRequest, Generation, Model
from coro_core.plugins.adapter import PluginAdapter
from coro_core.plugins.isolation import cancel_after
from coro_core.plugins.validation import validate_generation
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.polling import WAIT_SECONDS
from coro_core.testing.conformance.recording_proxy import RecordingProxy
from coro_core.testing.simulator.chat import CANARY_KEY

T = TypeVar("T")

CALL_SECONDS = 8.0
"""The longest time for a call; the simulator answers at once."""
PROMPT = "What is 2+2?"
_RETRY_SECONDS = 0.05
_LOOPBACK = re.compile(r"https?://(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulator."""

    behaviour: Behaviour
    proxy: RecordingProxy
    settings: Mapping[str, str]
    """The settings that it yielded; each address leads to the recording proxy."""

    @property
    def key_names(self) -> Sequence[str]:
        """Names of the variables that hold a key."""
        keys = {CANARY_KEY, self.behaviour.key}
        return [name for name, value in self.settings.items() if value in keys]

    @property
    def address_names(self) -> Sequence[str]:
        """Names of the variables that hold an address."""
        return [name for name, value in self.settings.items() if _LOOPBACK.match(value)]


class Provider:
    """An open plugin."""

    def __init__(
        self, hooks: PluginAdapter, environ: Mapping[str, str], simulation: Simulation
    ) -> None:
        self.hooks = hooks
        self.environ = environ
        self.behaviour = simulation.behaviour
        self.proxy = simulation.proxy
        self.model = upstream_names(hooks, environ)[0]

    async def generate(self, prompt: str = PROMPT, **fields: Any) -> Generation:
        """Call a model once. Raises what the plugin raises, and `Failure` if it is too slow."""
        return validate_generation(await wait_for(CALL_SECONDS * 2, self.started(prompt, **fields)))

    def started(
        self,
        prompt: str = PROMPT,
        *,
        model: str | None = None,
        temperature: float = 0.5,
        max_tokens: int = 64,
        timeout: float = CALL_SECONDS,
    ) -> asyncio.Future[Generation]:
        """Start a call in a task of its own."""
        request = GenerateRequest(
            model=model or self.model,
            prompt=prompt,
            temperature=temperature,
            max_tokens=max_tokens,
            timeout=timeout,
        )
        call = self.hooks.call("coro_generate", request=request)
        require(isinstance(call, Awaitable), "coro_generate does not return an awaitable.")
        started: asyncio.Future[Generation] = asyncio.ensure_future(call)
        return started

    async def own_name(self) -> str:
        """Return the provider's own name of the model; the plugin may put a prefix before it."""
        await self.generate()
        return self.behaviour.calls[-1].model

    async def live_models(self) -> Collection[str]:
        """Ask for the provider's list once."""
        call = self.hooks.call("coro_live_models")
        require(isinstance(call, Awaitable), "coro_live_models does not return an awaitable.")
        names: Collection[str] = await wait_for(CALL_SECONDS * 2, call)
        return names

    async def require_answer(self) -> None:
        """Raise `Failure` unless the next call succeeds."""
        try:
            await self.generate()
        except ProviderError as error:
            raise _next_call_failed(error) from None

    async def require_recovery(self) -> None:
        """Raise `Failure` unless a call succeeds within `WAIT_SECONDS`.

        A client may wait for a moment before it connects again.
        """
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            try:
                await self.generate()
                return
            except ConnectionFailed:
                again = asyncio.get_running_loop().time() < until
                require(again, f"Calls still fail to connect {WAIT_SECONDS:g} s later.")
            except ProviderError as error:
                raise _next_call_failed(error) from None
            await asyncio.sleep(_RETRY_SECONDS)


def models(hooks: PluginAdapter, environ: Mapping[str, str]) -> Sequence[Model]:
    """Return the models that the plugin offers."""
    offered: Sequence[Model] = hooks.call("coro_list_models", environ=environ)
    return offered


def upstream_names(hooks: PluginAdapter, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the upstream names of every model. Raises `Failure` if there is none."""
    names = [name for model in models(hooks, environ) for name in model.candidates]
    require(names, "It offers no model with the settings of its own simulator.")
    return names


async def wait_for(seconds: float, call: Awaitable[T]) -> T:
    """Await a call of the plugin. Raises what it raises.

    Raises `Failure` after `seconds`, and abandons the call.
    """
    task = asyncio.ensure_future(call)
    late = await cancel_after(seconds, task)
    require(not late, f"The call did not end within {seconds:g} s.")
    return await task


async def failure(call: Awaitable[object]) -> ProviderError:
    """Return the leaf of `ProviderError` that a call raises; raise `Failure` for anything else."""
    try:
        await call
    except ProviderError as error:
        require(
            error.code in ERROR_CODES,
            _not_a_leaf(error),
        )
        return error
    except (Failure, asyncio.CancelledError):
        raise
    except Exception as exc:
        raise Failure(_not_a_leaf(exc)) from exc
    raise Failure("It returns an answer instead of raising an error.")


def _next_call_failed(error: ProviderError) -> Failure:
    return Failure(f"The next call fails: {error.code}.")


def _not_a_leaf(error: Exception) -> str:
    return f"It raises {type(error).__name__}, which is not a leaf of coro_core.ProviderError."
