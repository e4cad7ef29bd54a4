"""How a plugin takes its settings: from the mapping that it is given, with care."""

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

CHECKS = Checks("How it takes its settings")

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
"""An address that is nobody's: RFC 5737."""
_DECOY = "decoy-key-of-the-contract"
_SUFFIX = "/model-of-the-contract"


@CHECKS.add(
    "key",
    "It has a key: its simulator's settings hold CANARY_KEY, under the name of the variable.",
    needs=("simulator",),
)
async def _key(subject: PluginUnderTest) -> str:
    async with subject.simulated() as simulation:
        names = simulation.key_names
    require(names, "None of its simulator's settings is CANARY_KEY.")
    return ", ".join(names)


@CHECKS.add(
    "address",
    "It can be pointed at another address: its simulator's settings hold its own, on loopback.",
    needs=("simulator",),
)
async def _address(subject: PluginUnderTest) -> str:
    async with subject.simulated() as simulation:
        names = simulation.address_names
    require(names, "None of its simulator's settings is an http address on loopback.")
    return ", ".join(names)


@CHECKS.add(
    "key-missing",
    "Without its key it is NotConfigured, with the variable's name and where to get one.",
    needs=("key",),
)
async def _key_missing(subject: PluginUnderTest) -> str:
    said = ""
    async with subject.simulated() as simulation:
        for name in simulation.key_names:
            said = (await _refusal(subject, simulation, name, None)).message
    return said


@CHECKS.add(
    "key-unusable",
    "A key that is blank, quoted, an example's, or holds a space or an accent is NotConfigured.",
    needs=("key",),
)
async def _key_unusable(subject: PluginUnderTest) -> None:
    async with subject.simulated() as simulation:
        for name in simulation.key_names:
            for problem, value in BAD_KEYS.items():
                error = await _refusal(subject, simulation, name, value, f"{name} {problem}")
                require("canary" not in str(error), f"Its error quotes the key that {problem}.")


@CHECKS.add(
    "key-trimmed",
    "White space around a key, as a file or a copy leaves it, does no harm.",
    needs=("answer", "key"),
)
async def _key_trimmed(subject: PluginUnderTest) -> None:
    key = "key-of-the-contract"
    async with subject.opened(Behaviour(), key=f" {key}\n") as provider:
        provider.behaviour.key = key
        await provider.answers()


@CHECKS.add(
    "plaintext",
    "Plain http to another machine, which would show the key to the network, is NotConfigured.",
    needs=("address",),
)
async def _plaintext(subject: PluginUnderTest) -> None:
    async with subject.simulated() as simulation:
        for name in simulation.address_names:
            await _refusal(subject, simulation, name, _PLAIN, f"{name} is {_PLAIN}")


@CHECKS.add(
    "address-unusable",
    "What is no http or https address, or holds a user, is NotConfigured.",
    needs=("address",),
)
async def _address_unusable(subject: PluginUnderTest) -> None:
    async with subject.simulated() as simulation:
        for name in simulation.address_names:
            for problem, value in BAD_ADDRESSES.items():
                error = await _refusal(subject, simulation, name, value, f"{name} {problem}")
                require("canary" not in str(error), f"Its error quotes {name} when it {problem}.")


@CHECKS.add(
    "settings-given",
    "Its settings are those of the mapping that it is given; the process's own environment and a"
    " .env file count for nothing.",
    needs=("answer", "key-missing"),
)
async def _settings_given(subject: PluginUnderTest) -> None:
    key = "key-of-the-contract"
    async with subject.simulated() as simulation:
        decoys = {name: _DECOY for name in simulation.key_names}
        decoys |= {name: "http://127.0.0.1:9" for name in simulation.address_names}
        with _around(decoys):
            await _refusal(subject, simulation, simulation.key_names[0], None)
            async with subject.opened(Behaviour(), key=key) as provider:
                provider.behaviour.key = key
                await _as_given(provider)


@CHECKS.add(
    "mapping-untouched",
    "It changes nothing in the mapping that it is given, and puts no key into the environment.",
    needs=("answer",),
)
async def _mapping_untouched(subject: PluginUnderTest) -> None:
    hooks = subject.hooks()
    async with subject.simulated(hooks=hooks) as simulation:
        given = {**subject.environ, **simulation.settings}
        try:
            async with lifespan(hooks, MappingProxyType(given)):
                await Provider(hooks, given, simulation).generate()
                keys = {given[name] for name in simulation.key_names}
                told = [name for name, value in os.environ.items() if value in keys]
        except (TypeError, AttributeError) as exc:
            raise Failure(f"It treats the mapping as its own: {exc}.") from None
        require(not told, f"It has put its key into the environment, as {', '.join(told)}.")


@CHECKS.add(
    "proxies",
    "Proxy variables are not obeyed: a key goes to its provider and nowhere else.",
    needs=("answer",),
)
async def _proxies(subject: PluginUnderTest) -> None:
    recording = RecordingProxy()
    async with recording.before("http://127.0.0.1:9") as proxy:
        names = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
        variables = {spelt: proxy for name in names for spelt in (name, name.upper())}
        with _around({**variables, "no_proxy": "", "NO_PROXY": "", "no_grpc_proxy": ""}):
            async with subject.opened() as provider:
                with contextlib.suppress(ProviderError):
                    await provider.generate()
                reached = len(provider.behaviour.calls)
    require(not recording.accepted and reached, "It calls through the environment's proxy.")


async def _as_given(provider: Provider) -> None:
    try:
        await provider.generate()
    except ProviderError as error:
        raise Failure(
            f"With other settings in the environment, its call fails: {error.code}."
        ) from None


async def _refusal(
    subject: PluginUnderTest, simulation: Simulation, name: str, value: str | None, when: str = ""
) -> NotConfigured:
    """Return the error with which the plugin refuses one setting; `None` for leaving it out."""
    when = when or f"{name} is not set"
    environ = {**subject.environ, **simulation.settings}
    environ.pop(name)
    if value is not None:
        environ[name] = value
    hooks = subject.hooks()
    try:
        async with lifespan(hooks, environ):
            await _call_without(name, Provider(hooks, environ, simulation))
    except NotConfigured as error:
        require(name in error.message, f"Its error does not name {name} when {when}.")
        require(error.help.strip(), f"Its error does not help when {when}.")
        return error
    except Exception as exc:
        raise Failure(f"It raises {type(exc).__name__} when {when}, not NotConfigured.") from None
    raise Failure(f"It opens although {when}.")


async def _call_without(setting: str, provider: Provider) -> None:
    """Call the service that says it lacks a setting, if one does: a plugin of several opens for the
    others, and refuses the calls to this one."""
    services = provider.hooks.call("coro_services") or {}
    for prefix, service in services.items():
        if not service.configured and setting in (service.reason or ""):
            await provider.generate(model=f"{prefix}{_SUFFIX}")


@contextlib.contextmanager
def _around(variables: Mapping[str, str]) -> Iterator[None]:
    """Put variables into this process's environment, and into a `.env` where it works."""
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
