"""That keys, prompts, answers and the provider's words stay where they belong."""

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

CHECKS = Checks("What it keeps to itself")

KEY = "sk-Ky7Q~canary~contract~9f31~Zx~1"
"""Neither its first eight characters nor its last four occur by chance: `~` is in no hex, no base64
and no sentence. The same goes for the others."""
PROMPT = "Prompt7Canary~Qx"
ANSWER = "Answer7Canary~Qx"
REMARK = "Provider7Says~Qx"
_FAULTS = (Fault.DISCONNECT, Fault.GARBAGE, Fault.NOT_JSON, Fault.TRUNCATE, Fault.REDIRECT)


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret can get out: plain, in hex, in base64, in an address."""
    plain = secret.encode()
    whole = set()
    for offset in range(3):
        first_whole = (offset * 8 + 5) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + plain).decode()
            whole.add(encoded[first_whole : len(encoded) // 4 * 4 - 4])
    return {secret, plain.hex(), quote(secret, safe="").replace("~", "%7E"), *whole}


def found(text: str, *, key: bool = False, words: bool = False) -> str | None:
    """Return what of the secrets is in a text: the key, or the prompt's, answer's, provider's."""
    if key and any(form in text for form in {*forms(KEY), KEY[:8], KEY[-4:]}):
        return "the key, or a part of it"
    for what, secret in (
        ("the prompt", PROMPT),
        ("the answer", ANSWER),
        ("the provider's words", REMARK),
    ):
        if words and any(form in text for form in forms(secret)):
            return what
    return None


async def _told(call: Awaitable[object]) -> str:
    """Return all that a call's error tells, or that a log line with its traceback would."""
    try:
        await call
    except Exception as error:
        chain = "".join(traceback.format_exception(error))
        return f"{error} {error!r} {error.args!r} {vars(error)!r} {chain}"
    return ""


async def _errors(provider: Provider) -> list[tuple[str, str]]:
    """Return what each error of calls and lists tells, with what caused it."""
    told = []
    behaviour = provider.behaviour
    for code in PROVIDER_ERROR_CODES:
        behaviour.error = code
        told.append((code, await _told(provider.generate(PROMPT))))
    if provider.hooks.implements("coro_live_models"):
        behaviour.error = "authentication_failed"
        told.append((behaviour.error, await _told(provider.live_models())))
    behaviour.error = None
    for fault in _FAULTS:
        behaviour.fault = fault
        told.append((str(fault), await _told(provider.generate(PROMPT))))
    return told


def _talkative() -> Behaviour:
    """Return a script in which the provider says back what it was told."""
    return Behaviour(answer=lambda model, prompt: ANSWER, marker=f"{REMARK}: {KEY} asked {PROMPT}")


@CHECKS.add(
    "own-words",
    "What a provider says in an error is not passed on; it can hold keys and prompts.",
    needs=("answer",),
)
async def _own_words(subject: PluginUnderTest) -> None:
    async with subject.opened(_talkative(), key=KEY) as provider:
        errors = await _errors(provider)
        markers_sent = provider.behaviour.markers_sent
    require(
        markers_sent,
        "Its simulator leaves the marker out: put the words of each refusal through"
        " Behaviour.worded, as error_reply does.",
    )
    for cause, told in errors:
        what = found(told, words=True)
        require(what is None, f"Its error for {cause} has {what} in it, or in what led to it.")


@CHECKS.add(
    "key-not-in-errors",
    "The key is in no error, and no part of it: message, repr, arguments, what led to it.",
    needs=("answer", "key"),
)
async def _key_not_in_errors(subject: PluginUnderTest) -> None:
    async with subject.opened(key=KEY) as provider:
        for cause, told in await _errors(provider):
            what = found(told, key=True)
            require(what is None, f"Its error for {cause} has {what} in it.")


@CHECKS.add(
    "key-not-in-repr",
    "The key is in no repr of the plugin and what it holds.",
    needs=("answer", "key"),
)
async def _key_not_in_repr(subject: PluginUnderTest) -> None:
    async with subject.opened(key=KEY) as provider:
        await provider.generate()
        plugin = provider.hooks.plugin
        held = getattr(plugin, "__dict__", {})
        shown = [repr(plugin), str(plugin), *map(repr, held.values())]
        what = next((what for text in shown if (what := found(text, key=True))), None)
    require(what is None, f"A repr of the plugin, or of what it holds, has {what} in it.")


@CHECKS.add(
    "key-in-headers-only",
    "The key is neither in the address nor in the body of a call: addresses are logged on the way.",
    needs=("answer", "key"),
)
async def _key_in_headers_only(subject: PluginUnderTest) -> None:
    async with subject.opened(key=KEY) as provider:
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
    "The prompt is not in the address of a call.",
    needs=("answer",),
)
async def _prompt_not_in_address(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        await provider.generate(PROMPT)
        (call,) = provider.behaviour.calls
    require(not found(call.path, words=True), "The prompt is in the address of its calls.")


@CHECKS.add(
    "logs",
    "Keys, prompts, answers and the provider's words are in no log line of any level, and nothing"
    " is printed.",
    needs=("key-in-headers-only", "prompt-not-in-address"),
)
async def _logs(subject: PluginUnderTest) -> str:
    with _overheard() as (lines, printed):
        async with subject.opened(_talkative(), key=KEY) as provider:
            await provider.generate(PROMPT)
            await _errors(provider)
    for name, text in lines:
        what = found(text, key=True, words=True)
        require(what is None, f"A log line of {name} has {what} in it.")
    require(not printed.getvalue().strip(), "It prints: a server's output is its log.")
    return f"{len(lines)} lines at DEBUG"


class _Ear(logging.Handler):
    """Keeps everything about every line, what is not written as well."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        text = f"{record.getMessage()} {vars(record)!r}"
        if record.exc_info:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.lines.append((record.name, text))


@contextmanager
def _overheard() -> Iterator[tuple[list[tuple[str, str]], io.StringIO]]:
    """Collect what is logged, at DEBUG, and printed by anyone in this process."""
    root, ear, printed = logging.getLogger(), _Ear(), io.StringIO()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield ear.lines, printed
    finally:
        root.setLevel(level)
        root.removeHandler(ear)
