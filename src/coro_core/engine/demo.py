"""The demo: every provider is simulated, and fails only if `CORO_DEMO_FAIL` says so."""

from collections.abc import Sequence

from coro_core.config.settings import Settings
from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import PROVIDER_ERROR_CODES, AuthenticationFailed, SettingsError
from coro_core.plugins.record import PluginRecord

_SHOWN_CHARS = 40


def demo_behaviours(settings: Settings, records: Sequence[PluginRecord]) -> dict[str, Behaviour]:
    """Return the behaviour of each plugin's simulator, by the plugin's name.

    Raises `SettingsError` when `CORO_DEMO_FAIL` names no plugin, or no error of a provider.
    """
    behaviours = {record.name: Behaviour(latency=None) for record in records}
    for entry in settings.demo_fail:
        name, _, code = entry.partition("=")
        code = code or AuthenticationFailed.code
        if name not in behaviours or code not in PROVIDER_ERROR_CODES:
            # A quoted value in `.env` can hold line breaks; the message is one line.
            shown = entry[:_SHOWN_CHARS].encode("unicode_escape").decode()
            raise SettingsError(
                f"CORO_DEMO_FAIL: {shown} is not a plugin, or not plugin=error_code with one of"
                f" {', '.join(PROVIDER_ERROR_CODES)}."
            )
        behaviours[name].error = code
    return behaviours
