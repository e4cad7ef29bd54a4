"""The contract between the core and a provider plugin, version 1.

A plugin is a class without constructor arguments, named by an entry point in the group `coro`. The
entry point's name is the plugin's name. The class marks its methods with `@hookimpl` and has
`coro_contract = 1`. `ProviderPlugin` is the same contract for a type checker.

The core awaits every hook that returns an `Awaitable` here, and no other. A plugin may take fewer
arguments than a hook has, so a new argument breaks no plugin. A new optional hook is compatible
too. Any other change makes a new version.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import pluggy

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.types import GenerateRequest, Generation, Model, Service

CONTRACT_VERSION = 1
"""The version of this contract; the core rejects a plugin with another version."""

ENTRY_POINT_GROUP = "coro"
"""The entry-point group of plugins."""

hookspec = pluggy.HookspecMarker("coro")
hookimpl = pluggy.HookimplMarker("coro")


class HookSpecs:
    """The hooks, as pluggy sees them."""

    @hookspec
    def coro_list_models(self, environ: Mapping[str, str]) -> Sequence[Model]:
        """Return the models that this plugin offers. Required.

        Plain data, without I/O, with a key or without. `environ` holds the settings as the core has
        read them, for a plugin with configured models.
        """
        raise NotImplementedError

    @hookspec
    def coro_generate(self, request: GenerateRequest) -> Awaitable[Generation]:
        """Send one prompt to one model and return its answer. Required.

        The core calls it within the plugin's lifespan only, cancels it at the deadline, and makes
        the only retry. Raises leaves of `ProviderError` and nothing else.
        """
        raise NotImplementedError

    @hookspec
    def coro_lifespan(self, environ: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
        """Open the clients for the calls, and close them at the end. Optional.

        `environ` holds the settings (environment, `.env`, demo overrides); a plugin reads them
        nowhere else. Raises `NotConfigured` when a key or a setting is missing: the core then
        skips the plugin, and its reason says what to do.
        """
        raise NotImplementedError

    @hookspec
    def coro_live_models(self) -> Awaitable[Collection[str]]:
        """Return the upstream names that this key can call now. Optional.

        Called inside the lifespan, in the background. Proves the key: raises
        `AuthenticationFailed` when the provider refuses it.
        """
        raise NotImplementedError

    @hookspec
    def coro_services(self) -> Mapping[str, Service]:
        """Return the services that this plugin speaks for, by the prefix of their names. Optional.

        For a plugin with several providers: its upstream names are `prefix/name`, and a service
        without a key does not affect the others. Plain data, without I/O, at any time after
        `coro_list_models`. A service's state can change; the plugin changes it before it raises
        the error.
        """
        raise NotImplementedError

    @hookspec
    def coro_simulator(
        self, behaviour: Behaviour
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve the provider's own protocol on loopback, as `behaviour` says. Optional.

        Yields the settings that lead the plugin to it. The demo, the conformance suite and the
        benchmark use it.
        """
        raise NotImplementedError


@runtime_checkable
class ProviderPlugin(Protocol):
    """The required part of a plugin, for a type checker: `plugin: ProviderPlugin = AcmePlugin()`.

    The optional hooks are omitted, since a plugin may lack them; `HookSpecs` has their types.
    """

    @property
    def coro_contract(self) -> int:
        """The version of the contract that the plugin implements."""

    @property
    def coro_list_models(self) -> Callable[..., Sequence[Model]]:
        """Return the models that this plugin offers; takes `environ`, or nothing."""

    def coro_generate(self, request: GenerateRequest) -> Awaitable[Generation]:
        """Send one prompt to one model and return its answer."""
