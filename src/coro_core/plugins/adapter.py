"""One plugin and its hooks: validated once, then called by name. Everything that uses pluggy.

Each plugin has a plugin manager of its own, so a call reaches this plugin and no other. A broadcast
would lose every result to one exception, and another plugin could answer the call.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pluggy

from coro_core.contract.errors import CoroError
from coro_core.contract.hookspecs import CONTRACT_VERSION, HookSpecs

_REQUIRED = ("coro_list_models", "coro_generate")


class ContractError(CoroError):
    """The plugin breaks the contract; the message says how."""


class PluginAdapter:
    """One plugin, constructed, with its hooks callable by name."""

    def __init__(self, plugin_class: Any) -> None:
        """Validate a class and construct it.

        Raises `ContractError`, and whatever the class raises when it is constructed.
        """
        contract = getattr(plugin_class, "coro_contract", None)
        if contract != CONTRACT_VERSION:
            raise ContractError(
                f"it is built for contract {contract!r}, and coro-core {version('coro-core')}"
                f" speaks contract {CONTRACT_VERSION}"
            )
        self.plugin: object = plugin_class()
        self._manager = pluggy.PluginManager("coro")
        self._manager.add_hookspecs(HookSpecs)
        try:
            self._manager.register(self.plugin)
            self._manager.check_pending()
        except pluggy.PluginValidationError as exc:
            reason = " ".join(str(exc).split())
            raise ContractError(f"it does not fit the contract: {reason}") from None
        callers = self._manager.get_hookcallers(self.plugin) or []
        self._calls = {caller.name: _resolve(caller) for caller in callers}
        missing = [hook for hook in _REQUIRED if not self.implements(hook)]
        if missing:
            raise ContractError(f"it lacks {' and '.join(missing)}, which every plugin must have")

    @property
    def package(self) -> str:
        """The top-level package of the plugin's code."""
        return type(self.plugin).__module__.partition(".")[0]

    def implements(self, hook: str) -> bool:
        """Return true if the plugin has this hook."""
        return hook in self._calls

    def call(self, hook: str, **arguments: object) -> Any:
        """Call a hook; return `None` if the plugin returned `None` or lacks the hook."""
        call = self._calls.get(hook)
        return None if call is None else call(arguments)


def _resolve(caller: pluggy.HookCaller) -> Callable[[dict[str, object]], Any]:
    """Return a function that calls a hook of one plugin.

    pluggy's call of every implementation costs as much as the rest of a call's way through the
    core. A plugin has one implementation, so its function is called directly. An implementation
    that is a wrapper is called by pluggy.
    """
    [implementation] = caller.get_hookimpls()
    if implementation.wrapper or implementation.hookwrapper:

        def call_by_pluggy(arguments: dict[str, object]) -> Any:
            results = caller(**arguments)
            return results[0] if results else None

        return call_by_pluggy
    function, names = implementation.function, implementation.argnames

    def call_directly(arguments: dict[str, object]) -> Any:
        return function(*[arguments[name] for name in names])

    return call_directly
