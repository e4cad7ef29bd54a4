"""Checks that keys, prompts, answers and the provider's words do not leak."""

import base64
import contextlib
import io
import logging
import traceback
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

from coro_core.contract.behaviour import Behaviour, Fault
from coro_core.contract.errors import PROVIDER_ERROR_CODES, ProviderError
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Secrets")

KEY = "sk-Ky7Q~canary~contract~9f31~Zx~1"
"""Its first eight and last four characters never occur by chance: `~` is in no hex, no base64 and
no sentence. The same is true of the constants below."""
PROMPT = "Prompt7Canary~Qx"
ANSWER = "Answer7Canary~Qx"
MARKER = "Provider7Says~Qx"
_FAULTS = (Fault.DISCONNECT, Fault.GARBAGE, Fault.NOT_JSON, Fault.TRUNCATE, Fault.REDIRECT)


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret can leak: plain, hex, base64, percent-encoded."""
    plain = secret.encode()
    whole = set()
    for offset in range(3):
        first_whole = (offset * 8 + 5) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + plain).decode()
            whole.add(encoded[first_whole : len(encoded) // 4 * 4 - 4])
    return {secret, plain.hex(), quote(secret, safe="").replace("~", "%7E"), *whole}


def found(text: str, *, key: bool = False, words: bool = False) -> str | None:
    """Return the kind of secret that a text holds: key, prompt, answer or provider's words."""
    if key and any(form in text for form in {*forms(KEY), KEY[:8], KEY[-4:]}):
        return "the key, or a part of it"
    for what, secret in (
        ("the prompt", PROMPT),
        ("the answer", ANSWER),
        ("the provider's words", MARKER),
    ):
        if words and any(form in text for form in forms(secret)):
            return what
    return None


async def _error_text(call: Awaitable[object]) -> str:
    """Return everything that an error of a call, and a log line with its traceback, shows."""
    try:
        await call
    except Exception as error:
        chain = "".join(traceback.format_exception(error))
        return f"{error} {error!r} {error.args!r} {vars(error)!r} {chain}"
    return ""


async def _errors(provider: Provider) -> list[tuple[str, str]]:
    """Return the cause and the text of each error of calls and lists."""
    errors = []
    behaviour = provider.behaviour
    for code in PROVIDER_ERROR_CODES:
        behaviour.error = code
        errors.append((code, await _error_text(provider.generate(PROMPT))))
    if provider.hooks.implements("coro_live_models"):
        behaviour.error = "authentication_failed"
        errors.append((behaviour.error, await _error_text(provider.live_models())))
    behaviour.error = None
    for fault in _FAULTS:
        behaviour.fault = fault
        errors.append((str(fault), await _error_text(provider.generate(PROMPT))))
    return errors


def _quoting_provider() -> Behaviour:
    """Return a script in which the provider repeats the key and the prompt."""
    return Behaviour(answer=lambda model, prompt: ANSWER, marker=f"{MARKER}: {KEY} asked {PROMPT}")


@CHECKS.add(
    "own-words",
    "It does not pass on the provider's error text, which can hold keys and prompts.",
    depends_on=("answer",),
)
async def _own_words(plugin: PluginUnderTest) -> None:
    async with plugin.opened(_quoting_provider(), key=KEY) as provider:
        errors = await _errors(provider)
        markers_sent = provider.behaviour.markers_sent
    require(
        markers_sent,
        "Its simulator omits the marker: pass the text of each error through Behaviour.message,"
        " as error_reply does.",
    )
    for cause, text in errors:
        what = found(text, words=True)
        require(what is None, f"Its error for {cause}, or the cause of the error, holds {what}.")


@CHECKS.add(
    "key-not-in-errors",
    "No error holds the key or a part of it: not its message, repr, arguments or cause.",
    depends_on=("answer", "key"),
)
async def _key_not_in_errors(plugin: PluginUnderTest) -> None:
    async with plugin.opened(key=KEY) as provider:
        for cause, text in await _errors(provider):
            what = found(text, key=True)
            require(what is None, f"Its error for {cause} holds {what}.")


@CHECKS.add(
    "key-not-in-repr",
    "The repr of the plugin and of its attributes does not hold the key.",
    depends_on=("answer", "key"),
)
async def _key_not_in_repr(plugin: PluginUnderTest) -> None:
    async with plugin.opened(key=KEY) as provider:
        await provider.generate()
        instance = provider.hooks.plugin
        attributes = getattr(instance, "__dict__", {})
        shown = [repr(instance), str(instance), *map(repr, attributes.values())]
        what = next((what for text in shown if (what := found(text, key=True))), None)
    require(what is None, f"The repr of the plugin or of an attribute holds {what}.")


@CHECKS.add(
    "key-in-headers-only",
    "It sends the key in a header, never in the address, which proxies log, nor in the body.",
    depends_on=("answer", "key"),
)
async def _key_in_headers_only(plugin: PluginUnderTest) -> None:
    async with plugin.opened(key=KEY) as provider:
        await provider.generate()
        (call,) = provider.behaviour.calls
        if provider.hooks.implements("coro_live_models"):
            with suppress(ProviderError):
                await provider.live_models()
        addresses = " ".join([call.path, *provider.proxy.addresses()])
    require(not found(addresses, key=True), "The key is in the address of its calls.")
    require(not found(repr(call.body), key=True), "The key is in the body of its calls.")


@CHECKS.add(
    "prompt-not-in-address",
    "It does not send the prompt in the address.",
    depends_on=("answer",),
)
async def _prompt_not_in_address(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        await provider.generate(PROMPT)
        (call,) = provider.behaviour.calls
    require(not found(call.path, words=True), "The prompt is in the address of its calls.")


@CHECKS.add(
    "logs",
    "It logs no key, prompt, answer or words of the provider at any level, and prints nothing.",
    depends_on=("key-in-headers-only", "prompt-not-in-address"),
)
async def _logs(plugin: PluginUnderTest) -> str:
    with _captured_output() as (lines, printed):
        async with plugin.opened(_quoting_provider(), key=KEY) as provider:
            await provider.generate(PROMPT)
            await _errors(provider)
    for name, text in lines:
        what = found(text, key=True, words=True)
        require(what is None, f"A log line of {name} holds {what}.")
    require(not printed.getvalue().strip(), "It prints; a server's output is its log.")
    return f"{len(lines)} lines at DEBUG"


class _LogCapture(logging.Handler):
    """Keeps every log record with all of its attributes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        text = f"{record.getMessage()} {vars(record)!r}"
        if record.exc_info:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.lines.append((record.name, text))


@contextmanager
def _captured_output() -> Iterator[tuple[list[tuple[str, str]], io.StringIO]]:
    """Collect what this process logs, at DEBUG, and prints."""
    root, capture, printed = logging.getLogger(), _LogCapture(), io.StringIO()
    level = root.level
    root.addHandler(capture)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield capture.lines, printed
    finally:
        root.setLevel(level)
        root.removeHandler(capture)
