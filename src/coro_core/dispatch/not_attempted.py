"""Results of models that are not called at all: unknown, not ready, or saturated."""

from coro_core.catalog.catalog import Catalog, Target
from coro_core.contract.errors import NotConfigured, PluginFault, ProviderError, Timeout
from coro_core.dispatch.result import UNKNOWN_MODEL, ModelResult
from coro_core.plugins.record import State

STARTING_SECONDS = 2.0
"""`retry_after_s` for a plugin that is not open yet."""
SATURATED_SECONDS = 5.0
"""`retry_after_s` for a plugin with too many abandoned calls."""


def unknown(model_id: str, catalog: Catalog) -> ModelResult:
    """Return the result of an id that no installed plugin offers."""
    hint = catalog.hint(model_id)
    return ModelResult(model=model_id, error=hint, error_code=UNKNOWN_MODEL, attempted=False)


def not_ready(target: Target) -> ModelResult:
    """Return the result of a model whose plugin is starting, unconfigured or broken."""
    error: type[ProviderError] = PluginFault
    wait = None
    if not target.configured or target.plugin.state in (State.UNCONFIGURED, State.DISABLED):
        error = NotConfigured
    elif target.plugin.state is State.STARTING:
        error, wait = Timeout, STARTING_SECONDS
    return ModelResult(
        model=target.id,
        error=target.reason,
        error_code=error.code,
        retry_after_s=wait,
        attempted=False,
    )


def saturated(target: Target, upstream: str) -> ModelResult:
    """Return the result of a model whose plugin has too many abandoned calls.

    The code is `plugin_fault`: a plugin that ignores cancellation breaks its contract. `overloaded`
    would blame the provider.
    """
    plugin = target.plugin
    service = plugin.service(upstream)
    calls = f"{plugin.abandoned_calls(upstream).running} calls"
    if service:
        calls += f" to {service.name}"
    return ModelResult(
        model=target.id,
        error=f"The plugin {plugin.name} has {calls} that do not end;"
        " new calls are refused until some do.",
        error_code=PluginFault.code,
        retry_after_s=SATURATED_SECONDS,
        attempted=False,
    )
