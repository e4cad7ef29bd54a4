"""The script of a simulated provider, and its record of calls. Tests and the demo write it."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_SUM = re.compile(r"(-?\d{1,9})\s*([-+*x\u00d7])\s*(-?\d{1,9})")


class Fault(StrEnum):
    """Faults of the transport, the same for every provider that speaks HTTP."""

    HANG = "hang"
    """Read the request and never answer."""
    DISCONNECT = "disconnect"
    """Read the request and close the connection without a byte."""
    RESET = "reset"
    """Send half a body, then reset the connection."""
    TRUNCATE = "truncate"
    """Announce more bytes than are sent, then close the connection."""
    GARBAGE = "garbage"
    """Send something that is not HTTP."""
    NOT_JSON = "not_json"
    """Answer 200 with an HTML page."""
    WRONG_SHAPE = "wrong_shape"
    """Answer 200 with JSON that is not a reply."""
    EMPTY_BODY = "empty_body"
    """Answer 200 with no body at all."""
    OVERSIZED = "oversized"
    """Answer 200 and never stop sending."""
    COMPRESSED_BOMB = "compressed_bomb"
    """Answer 200 with a small compressed body that inflates to a huge one."""
    REDIRECT = "redirect"
    """Redirect to another host."""
    DRIP = "drip"
    """Send the reply so slowly that it never ends in time."""
    BLANK_LINES = "blank_lines"
    """Send blank keep-alive lines, then the reply."""
    SLOW_HEADERS = "slow_headers"
    """Send the headers so slowly that they never end in time."""
    HEADER_FLOOD = "header_flood"
    """Send 20,000 headers, then the reply."""
    BAD_CHUNKS = "bad_chunks"
    """Send half a body in chunks, then a chunk without a proper length."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it arrived at the simulator."""

    path: str
    model: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object] = field(repr=False)


RawReply = Callable[[Call], AsyncGenerator[bytes, None]]
"""Yields the bytes to send, given the call; closed early when the client leaves."""


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """A script that can change while the simulator runs.

    `error` and `fault` apply to every generate call, `errors` to the calls for one upstream name.
    Their values are codes of `PROVIDER_ERROR_CODES`; the simulator sends each in the provider's
    own dialect.
    """

    latency: float | None = 0.0
    """Seconds before an answer; `None` takes the usual seconds of the model."""
    served: Collection[str] | None = None
    """The upstream names that exist; `None` takes the simulator's default names."""
    reroutes: Mapping[str, str] = field(default_factory=dict)
    """Upstream names answered by another model, without notice; the reply names that model."""
    listed: Collection[str] | None = None
    """The names on the provider's list; `None` takes the names that exist."""
    list_error: str | None = None
    """The error of every list of models."""
    list_latency: float = 0.0
    """Seconds before the list is answered."""
    error: str | None = None
    """The error of every call; `authentication_failed` fails the list as well."""
    errors: dict[str, str] = field(default_factory=dict)
    """The errors of calls, by upstream name."""
    fault: Fault | None = None
    """The fault of the transport."""
    raw_reply: RawReply | None = None
    """Bytes to send in place of every reply; the connection is closed after them."""
    retry_after: float | None = None
    """Seconds that a rate limit asks to wait; `None` omits the hint."""
    marker: str = ""
    """Text that the provider adds to every error message, to find code that passes it on."""
    answer: Callable[[str, str], str] | None = None
    """The answer, given upstream name and prompt; `None` takes `simulated_answer`."""
    key: str | None = None
    """The only accepted key; `None` accepts any key."""
    gate: Callable[[Call], Awaitable[object]] | None = None
    """Awaited before every answer: the place for a barrier."""
    calls: list[Call] = field(default_factory=list)
    """Every call so far, in order of arrival."""
    lists: int = 0
    """Number of requests for the list of models."""
    cancelled: int = 0
    """Number of calls that the client cancelled before an answer began."""
    markers_sent: int = 0
    """Number of error messages with the marker."""

    async def receive(self, call: Call, default_models: Mapping[str, float]) -> str | None:
        """Record a call, wait as the script says, and return the error code to answer with, if any.

        `default_models` holds the default upstream names, with the usual seconds of each. A name
        that is not served fails at once, as at providers.
        """
        # Import here: a command that calls no model, such as `coro --help`, needs no event loop.
        import asyncio

        self.calls.append(call)
        if call.model not in self.names(default_models) and call.model not in self.reroutes:
            return "model_unavailable"
        try:
            if self.gate is not None:
                await self.gate(call)
            await asyncio.sleep(
                default_models.get(call.model, 0.0) if self.latency is None else self.latency
            )
            if self.fault is Fault.HANG:
                # Hang here, not while sending, so that cancelled calls are counted.
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.errors.get(call.model, self.error)

    async def receive_list(self, default_models: Collection[str]) -> Collection[str] | str:
        """Wait as the script says, and return the names to list or the error code."""
        import asyncio

        self.lists += 1
        await asyncio.sleep(self.list_latency)
        if self.error == "authentication_failed":
            return self.error
        return self.list_error or sorted(
            self.names(default_models) if self.listed is None else self.listed
        )

    def names(self, default_models: Collection[str]) -> Collection[str]:
        """Return the upstream names that exist."""
        return default_models if self.served is None else self.served

    def answering(self, model: str) -> str:
        """Return the model that answers when `model` is called."""
        return self.reroutes.get(model, model)

    def accepts(self, key: str) -> bool:
        """Return true if the key is accepted."""
        return bool(key) if self.key is None else key == self.key

    def message(self, text: str) -> str:
        """Return an error message, with the marker if the script has one."""
        if not self.marker:
            return text
        self.markers_sent += 1
        return f"{text} {self.marker}"

    def reply(self, model: str, prompt: str) -> str:
        """Return the simulated model's answer."""
        return (self.answer or simulated_answer)(self.answering(model), prompt)


def simulated_answer(model: str, prompt: str) -> str:
    """Answer a small sum or any other prompt, and say that the answer is simulated."""
    if match := _SUM.search(prompt):
        left, sign, right = int(match[1]), match[2], int(match[3])
        result = {"+": left + right, "-": left - right}.get(sign, left * right)
        return f"{match[1]} {sign} {match[3]} = {result}. (Simulated answer of {model}.)"
    words = len(prompt.split())
    return (
        f"This is a simulated answer of {model}: no provider was asked. Your prompt has {words}"
        f" word{'' if words == 1 else 's'}; with a key, the real model would answer it here."
    )
