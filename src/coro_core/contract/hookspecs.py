"""The contract between the core and a provider plugin, version 1.

A plugin is a class without constructor arguments, named by an entry point in the group `coro`; the
entry point's name is the plugin's name. It marks its methods with `@hookimpl` and says
`coro_contract = 1`. `ProviderPlugin` is the same contract for a type checker.

The colour of each hook is fixed: what returns an `Awaitable` here is always awaited. A hook may be
implemented with fewer arguments than its specification has, so that an argument added later does
not break anyone; adding an optional hook is compatible too. Anything else is a new version.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import pluggy

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.types import GenerateRequest, Generation, Model, Service

CONTRACT_VERSION = 1
"""The version of this contract; a plugin that names another one is refused."""

ENTRY_POINT_GROUP = "coro"
"""The entry-point group in which plugins are found."""

hookspec = pluggy.HookspecMarker("coro")
hookimpl = pluggy.HookimplMarker("coro")


class HookSpecs:
    """The hooks, as pluggy sees them."""

    @hookspec
    def coro_list_models(self, environ: Mapping[str, str]) -> Sequence[Model]:
        """Return the models that this plugin offers. Required.

        Plain data, without I/O, whether a key is there or not. `environ` holds the settings as the
        core has read them, for a plugin whose models are configured.
        """
        raise NotImplementedError

    @hookspec
    def coro_generate(self, request: GenerateRequest) -> Awaitable[Generation]:
        """Send one prompt to one model and return its answer. Required.

        The core calls it only between the entry and the exit of the plugin's lifespan, cancels it
        at the deadline, and makes the only retry. Raises `ProviderError` leaves and nothing else.
        """
        raise NotImplementedError

    @hookspec
    def coro_lifespan(self, environ: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
        """Open what the calls need and close it at the end. Optional.

        `environ` holds the settings (environment, `.env`, demo overrides); a plugin reads them
        nowhere else. Raises `NotConfigured` when a key or a setting is missing: the plugin is
        then skipped, and the operator is told what to do.
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

        For a plugin with several providers behind it: its upstream names are `prefix/name`, and one
        service that lacks its key leaves the others alone. Plain data, without I/O, at any time
        after `coro_list_models`. Which service is refused or not configured may change; a plugin
        notes it before it raises the error.
        """
        raise NotImplementedError

    @hookspec
    def coro_simulator(
        self, behaviour: Behaviour
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve the provider's own wire protocol on loopback, behaving as told. Optional.

        Yields the settings that point the plugin at it. Demo mode, the contract suite and the
        benchmark run on it.
        """
        raise NotImplementedError


@runtime_checkable
class ProviderPlugin(Protocol):
    """What every plugin has, for a type checker: `plugin: ProviderPlugin = AcmePlugin()`.

    The optional hooks are left out, since a plugin may lack them; their types are in `HookSpecs`.
    """

    @property
    def coro_contract(self) -> int:
        """The version of the contract that the plugin keeps."""

    @property
    def coro_list_models(self) -> Callable[..., Sequence[Model]]:
        """Return the models that this plugin offers; takes `environ`, or nothing."""

    def coro_generate(self, request: GenerateRequest) -> Awaitable[Generation]:
        """Send one prompt to one model and return its answer."""
