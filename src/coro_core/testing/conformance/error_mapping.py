"""Error mapping: the simulator sends each error in the provider's own words."""

from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import PROVIDER_ERROR_CODES, ProviderError
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import Provider, failure
from coro_core.testing.conformance.registry import Checks, Run

CHECKS = Checks("Error mapping")

_NEVER_RETRYABLE = {
    "authentication_failed",
    "quota_exhausted",
    "model_unavailable",
    "bad_request",
    "too_large",
    "content_blocked",
}
_RETRYABLE = ("rate_limited", "timeout", "overloaded", "upstream_error", "connection_failed")
_LIST_ERRORS = (
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
    async def run(plugin: PluginUnderTest) -> None:
        async with plugin.opened(Behaviour(error=code)) as provider:
            error = await failure(provider.generate())
            require(error.code == code, f"It raises {type(error).__name__}.")
            retryable = error.retryable and code in _NEVER_RETRYABLE
            require(not retryable, f"{type(error).__name__} says that a retry can help.")
            provider.behaviour.error = None
            await provider.require_recovery()

    return run


for _code in PROVIDER_ERROR_CODES:
    CHECKS.add(
        f"error-{_code.replace('_', '-')}",
        f"It raises {_leaf(_code).__name__} when the provider sends the error {_code}.",
        depends_on=("answer",),
    )(_error_check(_code))


@CHECKS.add(
    "retry-after",
    "It passes on the wait that the provider asks for, and invents none.",
    depends_on=("error-rate-limited",),
)
async def _retry_after(plugin: PluginUnderTest) -> None:
    async with plugin.opened(Behaviour(error="rate_limited", retry_after=_WAIT)) as provider:
        wait = (await failure(provider.generate())).retry_after
        require(wait == _WAIT, f"The provider asks to wait {_WAIT:g} s; the error says {wait}.")
        provider.behaviour.retry_after = None
        wait = (await failure(provider.generate())).retry_after
        require(wait is None, f"The provider asks for no wait; the error says {wait}.")


@CHECKS.add(
    "no-retries",
    "It calls the provider once, whatever the reply: the core makes the only retry.",
    depends_on=("answer",),
)
async def _no_retries(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        if provider.hooks.implements("coro_live_models"):
            # First, since a client may wait after it has lost a connection.
            await _no_retries_of_the_list(provider)
        for code in _RETRYABLE:
            provider.behaviour.error = code
            provider.behaviour.calls.clear()
            with suppress(Exception):
                await provider.generate()
            calls = len(provider.behaviour.calls)
            require(calls == 1, f"After {code} it called the provider {calls} times.")


async def _no_retries_of_the_list(provider: Provider) -> None:
    """Require that a list that fails is requested no more often than one that succeeds."""
    await provider.live_models()
    usual = provider.behaviour.lists
    for code in _RETRYABLE:
        if code in _LIST_ERRORS:
            provider.behaviour.list_error = code
            provider.behaviour.lists = 0
            with suppress(Exception):
                await provider.live_models()
            asked = provider.behaviour.lists
            require(asked <= usual, f"After {code} it requested the list {asked} times.")


@CHECKS.add(
    "key-refused",
    "It raises AuthenticationFailed when the provider refuses the key, and says what to do.",
    depends_on=("error-authentication-failed", "key"),
)
async def _key_refused(plugin: PluginUnderTest) -> None:
    async with plugin.opened(Behaviour(), key="another-key-of-the-contract") as provider:
        provider.behaviour.key = "the-only-key-of-the-contract"
        error = await failure(provider.generate())
        require(
            error.code == "authentication_failed",
            f"It raises {type(error).__name__} when the provider refuses its key.",
        )
        require(error.detail, "Its error has no detail that says what the operator must do.")


@CHECKS.add(
    "live-models",
    "coro_live_models returns the upstream names that the key can call now.",
    depends_on=("answer",),
)
async def _live_models(plugin: PluginUnderTest) -> None:
    require(plugin.hooks().implements("coro_live_models"), "It has no coro_live_models.")
    async with plugin.opened() as provider:
        own = await provider.own_name()
        before = provider.model.removesuffix(own)
        more = [f"{own}-{number}" for number in range(3)]
        provider.behaviour.served = [own, *more]
        listed = await provider.live_models()
        sound = not isinstance(listed, str) and all(isinstance(name, str) for name in listed)
        require(sound, "coro_live_models does not return a collection of strings.")
        missing = {before + name for name in (own, *more)} - set(listed)
        require(not missing, f"It omits {', '.join(sorted(missing))}.")
        provider.behaviour.served = [own]
        retired = set(await provider.live_models()) & {before + name for name in more}
        require(not retired, f"It still lists {', '.join(sorted(retired))}, which are retired.")


@CHECKS.add(
    "live-models-refused",
    "It raises the same error for a list as for a call.",
    depends_on=("live-models",),
)
async def _live_models_refused(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        for code in _LIST_ERRORS:
            provider.behaviour.list_error = code
            error = await failure(provider.live_models())
            require(error.code == code, f"For {code} it raises {type(error).__name__}.")
