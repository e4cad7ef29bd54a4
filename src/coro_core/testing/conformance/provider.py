"""The plugin under test while it is open before its simulator, and calls as the core makes them."""

import asyncio
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import ERROR_CODES, ConnectionFailed, ProviderError
from coro_core.contract.types import GenerateRequest, Generation, Model
from coro_core.plugins.adapter import PluginAdapter
from coro_core.plugins.validation import validate_generation
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.recording_proxy import RecordingProxy
from coro_core.testing.conformance.waiting import PATIENCE
from coro_core.testing.simulator.chat import CANARY_KEY

T = TypeVar("T")

CALL_SECONDS = 8.0
"""How long any call may take before a simulator that answers at once."""
PROMPT = "What is 2+2?"
_RETRY_SECONDS = 0.05
_LOOPBACK = re.compile(r"https?://(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulator at work."""

    behaviour: Behaviour
    proxy: RecordingProxy
    settings: Mapping[str, str]
    """What it yielded, with the proxy before every address."""

    @property
    def key_names(self) -> Sequence[str]:
        """The variables that hold a key."""
        keys = {CANARY_KEY, self.behaviour.key}
        return [name for name, value in self.settings.items() if value in keys]

    @property
    def address_names(self) -> Sequence[str]:
        """The variables that hold an address."""
        return [name for name, value in self.settings.items() if _LOOPBACK.match(value)]


class Provider:
    """A plugin that is open."""

    def __init__(
        self, hooks: PluginAdapter, environ: Mapping[str, str], simulation: Simulation
    ) -> None:
        self.hooks = hooks
        self.environ = environ
        self.behaviour = simulation.behaviour
        self.proxy = simulation.proxy
        self.model = upstream_names(hooks, environ)[0]

    async def generate(self, prompt: str = PROMPT, **fields: Any) -> Generation:
        """Call a model once. Raises what the plugin raises, and `Failure` if that is too late."""
        return validate_generation(await within(CALL_SECONDS * 2, self.started(prompt, **fields)))

    def started(
        self,
        prompt: str = PROMPT,
        *,
        model: str | None = None,
        temperature: float = 0.5,
        max_tokens: int = 64,
        timeout: float = CALL_SECONDS,
    ) -> asyncio.Future[Generation]:
        """Start a call, in a task that is the plugin's alone."""
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
        """Return what the provider itself calls the model: the plugin may put a name before it."""
        await self.generate()
        return self.behaviour.calls[-1].model

    async def live_models(self) -> Collection[str]:
        """Ask for the provider's list once."""
        call = self.hooks.call("coro_live_models")
        require(isinstance(call, Awaitable), "coro_live_models does not return an awaitable.")
        names: Collection[str] = await within(CALL_SECONDS * 2, call)
        return names

    async def answers(self) -> None:
        """Raise `Failure` unless the next call is answered."""
        try:
            await self.generate()
        except ProviderError as error:
            raise Failure(f"The next call is not answered: {error.code}.") from None

    async def recovers(self) -> None:
        """Raise `Failure` unless a call is answered again, before long: connecting may take a few.

        A client may leave a connection that broke alone for a moment.
        """
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                await self.generate()
                return
            except ConnectionFailed:
                again = asyncio.get_running_loop().time() < until
                require(again, f"{PATIENCE:g} s later, calls still fail to connect.")
            except ProviderError as error:
                raise Failure(f"The next call is not answered: {error.code}.") from None
            await asyncio.sleep(_RETRY_SECONDS)


def models(hooks: PluginAdapter, environ: Mapping[str, str]) -> Sequence[Model]:
    """Return what the plugin offers."""
    offered: Sequence[Model] = hooks.call("coro_list_models", environ=environ)
    return offered


def upstream_names(hooks: PluginAdapter, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the provider's own names of all models that the plugin offers. Raises `Failure`."""
    names = [name for model in models(hooks, environ) for name in model.candidates]
    require(names, "It offers no model before its own simulator.")
    return names


async def within(seconds: float, call: Awaitable[T]) -> T:
    """Await a call of the plugin. Raises what it raises, and `Failure` if it is not over by then.

    A call that does not heed its cancellation is abandoned.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    require(task.done(), f"The call is not over after {seconds:g} s.")
    return await task


async def failure(call: Awaitable[object]) -> ProviderError:
    """Return the leaf of `ProviderError` that a call raises. Raises `Failure` if it is none."""
    try:
        await call
    except ProviderError as error:
        require(
            error.code in ERROR_CODES,
            f"{type(error).__name__} is no leaf of coro_core.ProviderError.",
        )
        return error
    except (Failure, asyncio.CancelledError):
        raise
    except Exception as exc:
        raise Failure(
            f"It raises {type(exc).__name__} and no leaf of coro_core.ProviderError."
        ) from exc
    raise Failure("It returns an answer and raises nothing.")
