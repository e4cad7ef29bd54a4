"""How a simulated provider behaves, and what it saw: the script that tests and the demo write."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_SUM = re.compile(r"(-?\d{1,9})\s*([-+*x\u00d7])\s*(-?\d{1,9})")


class Fault(StrEnum):
    """Faults of the transport, the same for every provider that is reached over HTTP."""

    HANG = "hang"
    """Read the request and never answer."""
    DISCONNECT = "disconnect"
    """Read the request and close the connection without a byte."""
    RESET = "reset"
    """Send half a body, then reset the connection."""
    TRUNCATE = "truncate"
    """Announce more bytes than are sent, then close."""
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
    """Send more headers than anyone can mean, then the reply."""
    BAD_CHUNKS = "bad_chunks"
    """Send half a body in chunks, then a chunk without a proper length."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the simulator saw it on the wire."""

    path: str
    model: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object] = field(repr=False)


RawReply = Callable[[Call], AsyncGenerator[bytes, None]]
"""Yields what goes on the wire, given the call; it is closed when the client leaves before."""


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """A script that may be rewritten while the simulator runs.

    `error` and `fault` apply to every generate call, `errors` to the calls for one upstream name.
    Values of `error` and `errors` are out of `PROVIDER_ERROR_CODES`; the simulator sends them in
    the provider's own dialect.
    """

    latency: float | None = 0.0
    """Seconds before an answer; `None` stands for what is usual for the model."""
    served: Collection[str] | None = None
    """The upstream names that exist; `None` stands for those served by default."""
    reroutes: Mapping[str, str] = field(default_factory=dict)
    """Upstream names that another model answers in silence; the reply names that one."""
    listed: Collection[str] | None = None
    """The names on the provider's list; `None` stands for those that exist."""
    list_error: str | None = None
    """Fail the list in this way."""
    list_latency: float = 0.0
    """Seconds before the list is answered."""
    error: str | None = None
    """Fail every call in this way; a refused key fails the list as well."""
    errors: dict[str, str] = field(default_factory=dict)
    """Fail the calls for these upstream names in these ways."""
    fault: Fault | None = None
    """Break the transport in this way."""
    raw_reply: RawReply | None = None
    """What to send in place of every reply, byte for byte; the connection is closed after it."""
    retry_after: float | None = None
    """Seconds that a rate limit asks to wait; `None` leaves the hint out."""
    marker: str = ""
    """What the provider adds to the words of every refusal: for finding out who passes them on."""
    answer: Callable[[str, str], str] | None = None
    """What to say, given upstream name and prompt; `None` stands for `simulated_answer`."""
    key: str | None = None
    """The only key that is accepted; `None` accepts any."""
    gate: Callable[[Call], Awaitable[object]] | None = None
    """Awaited for every generate call before it is answered: the place for a barrier."""
    calls: list[Call] = field(default_factory=list)
    """Every generate call so far, in order of arrival."""
    lists: int = 0
    """How often the list was asked for."""
    cancelled: int = 0
    """How many calls the client gave up before an answer began."""
    markers_sent: int = 0
    """How often the marker was made."""

    async def receive(self, call: Call, default_models: Mapping[str, float]) -> str | None:
        """Take note of a call, wait as told, and return the error code to answer with, if any.

        `default_models` holds the upstream names served by default, with the usual seconds of each.
        A name that is not served is refused at once, as providers do.
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
                # Here rather than on the wire, so that giving up is counted.
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.errors.get(call.model, self.error)

    async def receive_list(self, default_models: Collection[str]) -> Collection[str] | str:
        """Wait as told, and return the names to list, or the error code to answer with."""
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
        """Tell whether a key is accepted."""
        return bool(key) if self.key is None else key == self.key

    def message(self, text: str) -> str:
        """Return the words of a refusal, with the marker if there is one."""
        if not self.marker:
            return text
        self.markers_sent += 1
        return f"{text} {self.marker}"

    def reply(self, model: str, prompt: str) -> str:
        """Return what the simulated model says."""
        return (self.answer or simulated_answer)(self.answering(model), prompt)


def simulated_answer(model: str, prompt: str) -> str:
    """Answer a small sum, or say something that fits any prompt; and say that it is simulated."""
    if match := _SUM.search(prompt):
        left, sign, right = int(match[1]), match[2], int(match[3])
        result = {"+": left + right, "-": left - right}.get(sign, left * right)
        return f"{match[1]} {sign} {match[3]} = {result}. (Simulated answer of {model}.)"
    words = len(prompt.split())
    return (
        f"This is a simulated answer of {model}: no provider was asked. Your prompt has {words}"
        f" word{'' if words == 1 else 's'}; with a key, the real model would answer it here."
    )
