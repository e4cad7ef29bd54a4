"""Settings: read from the given mapping only, and validated."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import NotConfigured, ProviderError
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.provider import Provider, Simulation
from coro_core.testing.conformance.recording_proxy import RecordingProxy
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Settings")

BAD_KEYS: Mapping[str, str] = {
    "is blank": "  ",
    "has quotation marks around it": '"canary-of-the-contract"',
    "holds a space": "canary-of the-contract",
    "holds an accent": "canary-öf-the-contract",
    "is the example's text": "your-api-key",
}
BAD_ADDRESSES: Mapping[str, str] = {
    "is no address": "canary of the contract",
    "is of another scheme": "ftp://canary.example",
    "holds a user": "https://canary:canary@acme.example",
}
_PLAIN = "http://192.0.2.1"
"""An address of no host: RFC 5737."""
_DECOY = "decoy-key-of-the-contract"
_SUFFIX = "/model-of-the-contract"


@CHECKS.add(
    "key",
    "Its simulator's settings hold CANARY_KEY under the name of the key's variable.",
    depends_on=("simulator",),
)
async def _key(plugin: PluginUnderTest) -> str:
    async with plugin.simulated() as simulation:
        names = simulation.key_names
    require(names, "None of its simulator's settings is CANARY_KEY.")
    return ", ".join(names)


@CHECKS.add(
    "address",
    "Its address is a setting: its simulator's settings hold an address on loopback.",
    depends_on=("simulator",),
)
async def _address(plugin: PluginUnderTest) -> str:
    async with plugin.simulated() as simulation:
        names = simulation.address_names
    require(names, "None of its simulator's settings is an http address on loopback.")
    return ", ".join(names)


@CHECKS.add(
    "key-missing",
    "Without its key it raises NotConfigured, with the variable's name and where to get a key.",
    depends_on=("key",),
)
async def _key_missing(plugin: PluginUnderTest) -> str:
    said = ""
    async with plugin.simulated() as simulation:
        for name in simulation.key_names:
            said = (await _refusal(plugin, simulation, name, None)).message
    return said


@CHECKS.add(
    "key-unusable",
    "It raises NotConfigured for a key that is blank, quoted, an example, or holds a space or an"
    " accent.",
    depends_on=("key",),
)
async def _key_unusable(plugin: PluginUnderTest) -> None:
    async with plugin.simulated() as simulation:
        for name in simulation.key_names:
            for problem, value in BAD_KEYS.items():
                error = await _refusal(plugin, simulation, name, value, f"{name} {problem}")
                require("canary" not in str(error), f"Its error quotes the key that {problem}.")


@CHECKS.add(
    "key-trimmed",
    "It removes white space around a key, which files and copies leave.",
    depends_on=("answer", "key"),
)
async def _key_trimmed(plugin: PluginUnderTest) -> None:
    key = "key-of-the-contract"
    async with plugin.opened(Behaviour(), key=f" {key}\n") as provider:
        provider.behaviour.key = key
        await provider.require_answer()


@CHECKS.add(
    "plaintext",
    "It raises NotConfigured for plain http to another host, which shows the key to the network.",
    depends_on=("address",),
)
async def _plaintext(plugin: PluginUnderTest) -> None:
    async with plugin.simulated() as simulation:
        for name in simulation.address_names:
            await _refusal(plugin, simulation, name, _PLAIN, f"{name} is {_PLAIN}")


@CHECKS.add(
    "address-unusable",
    "It raises NotConfigured for an address that is not http or https, or holds a user.",
    depends_on=("address",),
)
async def _address_unusable(plugin: PluginUnderTest) -> None:
    async with plugin.simulated() as simulation:
        for name in simulation.address_names:
            for problem, value in BAD_ADDRESSES.items():
                error = await _refusal(plugin, simulation, name, value, f"{name} {problem}")
                require("canary" not in str(error), f"Its error quotes {name} when it {problem}.")


@CHECKS.add(
    "settings-given",
    "It reads settings from the given mapping only, not from the process's environment or a .env"
    " file.",
    depends_on=("answer", "key-missing"),
)
async def _settings_given(plugin: PluginUnderTest) -> None:
    key = "key-of-the-contract"
    async with plugin.simulated() as simulation:
        decoys = {name: _DECOY for name in simulation.key_names}
        decoys |= {name: "http://127.0.0.1:9" for name in simulation.address_names}
        with _around(decoys):
            await _refusal(plugin, simulation, simulation.key_names[0], None)
            async with plugin.opened(Behaviour(), key=key) as provider:
                provider.behaviour.key = key
                await _as_given(provider)


@CHECKS.add(
    "mapping-untouched",
    "It does not change the given mapping, and puts no key into the environment.",
    depends_on=("answer",),
)
async def _mapping_untouched(plugin: PluginUnderTest) -> None:
    hooks = plugin.hooks()
    async with plugin.simulated(hooks=hooks) as simulation:
        given = {**plugin.environ, **simulation.settings}
        try:
            async with lifespan(hooks, MappingProxyType(given)):
                await Provider(hooks, given, simulation).generate()
                keys = {given[name] for name in simulation.key_names}
                leaked = [name for name, value in os.environ.items() if value in keys]
        except (TypeError, AttributeError) as exc:
            raise Failure(f"It changes the given mapping: {exc}.") from None
        require(not leaked, f"It puts its key into the environment, as {', '.join(leaked)}.")


@CHECKS.add(
    "proxies",
    "It ignores proxy variables: a key goes to its provider only.",
    depends_on=("answer",),
)
async def _proxies(plugin: PluginUnderTest) -> None:
    recording = RecordingProxy()
    async with recording.before("http://127.0.0.1:9") as proxy:
        names = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
        variables = {spelt: proxy for name in names for spelt in (name, name.upper())}
        with _around({**variables, "no_proxy": "", "NO_PROXY": "", "no_grpc_proxy": ""}):
            async with plugin.opened() as provider:
                with contextlib.suppress(ProviderError):
                    await provider.generate()
                reached = len(provider.behaviour.calls)
    require(
        not recording.accepted and reached, "It calls through the proxy that the environment names."
    )


async def _as_given(provider: Provider) -> None:
    try:
        await provider.generate()
    except ProviderError as error:
        raise Failure(
            f"Its call fails when the environment holds other settings: {error.code}."
        ) from None


async def _refusal(
    plugin: PluginUnderTest, simulation: Simulation, name: str, value: str | None, when: str = ""
) -> NotConfigured:
    """Return the error for a bad value of one setting; the value `None` omits the setting."""
    when = when or f"{name} is not set"
    environ = {**plugin.environ, **simulation.settings}
    environ.pop(name)
    if value is not None:
        environ[name] = value
    hooks = plugin.hooks()
    try:
        async with lifespan(hooks, environ):
            await _call_without(name, Provider(hooks, environ, simulation))
    except NotConfigured as error:
        require(name in error.message, f"Its error does not name {name} when {when}.")
        require(error.help.strip(), f"Its error has no help when {when}.")
        return error
    except Exception as exc:
        raise Failure(f"It raises {type(exc).__name__} when {when}, not NotConfigured.") from None
    raise Failure(f"It opens although {when}.")


async def _call_without(setting: str, provider: Provider) -> None:
    """Call the service that lacks a setting, if the plugin has one.

    A plugin with several services opens for the others and refuses calls to this one.
    """
    services = provider.hooks.call("coro_services") or {}
    for prefix, service in services.items():
        if not service.configured and setting in (service.reason or ""):
            await provider.generate(model=f"{prefix}{_SUFFIX}")


@contextlib.contextmanager
def _around(variables: Mapping[str, str]) -> Iterator[None]:
    """Put variables into this process's environment and into a `.env` in its directory."""
    before = {name: os.environ.get(name) for name in variables}
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        Path(".env").write_text(lines)
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
