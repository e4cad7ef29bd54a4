"""What a plugin makes of its provider's refusals, each told by the simulator in its own words."""

from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import PROVIDER_ERROR_CODES, ProviderError
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import Provider, failure
from coro_core.testing.conformance.registry import Checks, Run

CHECKS = Checks("What it makes of a refusal")

_HOPELESS = {
    "authentication_failed",
    "quota_exhausted",
    "model_unavailable",
    "bad_request",
    "too_large",
    "content_blocked",
}
_ONCE = ("rate_limited", "timeout", "overloaded", "upstream_error", "connection_failed")
_LISTLESS = (
    "authentication_failed",
    "rate_limited",
    "overloaded",
    "upstream_error",
    "invalid_response",
)
_WAIT = 7.0


def _leaf(code: str) -> type[ProviderError]:
    return next(leaf for leaf in ProviderError.__subclasses__() if leaf.code == code)


def _error_check(code: str) -> Run:
    async def run(subject: PluginUnderTest) -> None:
        async with subject.opened(Behaviour(error=code)) as provider:
            error = await failure(provider.generate())
            require(error.code == code, f"It raises {type(error).__name__}.")
            hopeless = error.retryable and code in _HOPELESS
            require(not hopeless, f"{type(error).__name__} says that trying again can help.")
            provider.behaviour.error = None
            await provider.recovers()

    return run


for _code in PROVIDER_ERROR_CODES:
    CHECKS.add(
        f"error-{_code.replace('_', '-')}",
        f"{_leaf(_code).__name__} is what it raises when the provider tells {_code}.",
        needs=("answer",),
    )(_error_check(_code))


@CHECKS.add(
    "retry-after",
    "The seconds that the provider asks to wait are passed on, and none are made up.",
    needs=("error-rate-limited",),
)
async def _retry_after(subject: PluginUnderTest) -> None:
    async with subject.opened(Behaviour(error="rate_limited", retry_after=_WAIT)) as provider:
        told = (await failure(provider.generate())).retry_after
        require(told == _WAIT, f"Asked to wait {_WAIT:g} s, its error says {told}.")
        provider.behaviour.retry_after = None
        told = (await failure(provider.generate())).retry_after
        require(told is None, f"Asked to wait for no time in particular, its error says {told}.")


@CHECKS.add(
    "no-retries",
    "It calls the provider once, whatever comes back: the core makes the only retry.",
    needs=("answer",),
)
async def _no_retries(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        if provider.hooks.implements("coro_live_models"):
            # First: a connection that was lost is left alone for a moment.
            await _no_retries_of_the_list(provider)
        for code in _ONCE:
            provider.behaviour.error = code
            provider.behaviour.calls.clear()
            with suppress(Exception):
                await provider.generate()
            calls = len(provider.behaviour.calls)
            require(calls == 1, f"After {code} it has called {calls} times.")


async def _no_retries_of_the_list(provider: Provider) -> None:
    """Demand that a list that is refused is asked for no more often than one that is given."""
    await provider.live_models()
    usual = provider.behaviour.lists
    for code in _ONCE:
        if code in _LISTLESS:
            provider.behaviour.list_error = code
            provider.behaviour.lists = 0
            with suppress(Exception):
                await provider.live_models()
            asked = provider.behaviour.lists
            require(asked <= usual, f"After {code} it has asked for the list {asked} times.")


@CHECKS.add(
    "key-refused",
    "A key that the provider refuses is AuthenticationFailed, and the plugin says what to do.",
    needs=("error-authentication-failed", "key"),
)
async def _key_refused(subject: PluginUnderTest) -> None:
    async with subject.opened(Behaviour(), key="another-key-of-the-contract") as provider:
        provider.behaviour.key = "the-only-key-of-the-contract"
        error = await failure(provider.generate())
        require(
            error.code == "authentication_failed",
            f"It raises {type(error).__name__} when another key than its own is asked for.",
        )
        require(error.detail, "Its error says in no words of its own what the operator is to do.")


@CHECKS.add(
    "live-models",
    "coro_live_models returns the upstream names that can be called now.",
    needs=("answer",),
)
async def _live_models(subject: PluginUnderTest) -> None:
    require(subject.hooks().implements("coro_live_models"), "It has no coro_live_models.")
    async with subject.opened() as provider:
        own = await provider.own_name()
        before = provider.model.removesuffix(own)
        more = [f"{own}-{number}" for number in range(3)]
        provider.behaviour.served = [own, *more]
        listed = await provider.live_models()
        sound = not isinstance(listed, str) and all(isinstance(name, str) for name in listed)
        require(sound, "coro_live_models does not return a collection of texts.")
        missing = {before + name for name in (own, *more)} - set(listed)
        require(not missing, f"It leaves out {', '.join(sorted(missing))}.")
        provider.behaviour.served = [own]
        gone = set(await provider.live_models()) & {before + name for name in more}
        require(not gone, f"It still lists {', '.join(sorted(gone))}, which are gone.")


@CHECKS.add(
    "live-models-refused",
    "A list that the provider refuses is the same error as a call that it refuses.",
    needs=("live-models",),
)
async def _live_models_refused(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        for code in _LISTLESS:
            provider.behaviour.list_error = code
            error = await failure(provider.live_models())
            require(error.code == code, f"For {code} it raises {type(error).__name__}.")
