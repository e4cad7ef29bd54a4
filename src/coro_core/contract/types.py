"""The plain data that crosses the line between the core and a plugin.

Everything here is frozen, slotted and free of pydantic: a plugin can hold it, a sibling plugin
cannot change it, and importing it costs nothing.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter", "other"]
"""Why a model stopped: it was done, it ran out of `max_tokens`, it was filtered, or other."""

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as CORO offers it: a stable public id before upstream names that come and go.

    Raises `ValueError` when the id is not 1 to 64 of `a-z 0-9 . _ -`, or when a text is missing.
    """

    id: str
    """What callers write, for example `llama-70b`. It never changes."""
    name: str
    """What people read, for example `Llama 3.1 70B`."""
    provider: str
    """Who runs it, for people: `Acme`."""
    cost: str
    """What it costs, for people: `free`, or `$0.15 in / $0.60 out per 1M tokens`."""
    candidates: tuple[str, ...]
    """The provider's own names for it, the preferred one first, its successors after it."""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _MODEL_ID.fullmatch(self.id):
            raise ValueError("a model's id must be 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        if not all(
            isinstance(text, str) and text for text in (self.name, self.provider, self.cost)
        ):
            raise ValueError(f"model {self.id!r} needs a name, a provider and a cost")
        if not isinstance(self.candidates, tuple) or not self.candidates:
            raise ValueError(f"model {self.id!r} needs a tuple of at least one upstream candidate")
        if not all(isinstance(name, str) and name for name in self.candidates):
            raise ValueError(f"model {self.id!r} has an upstream candidate that is not a name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One of several services that one plugin speaks for."""

    name: str
    """Who runs it, for people: what its models say in `provider`."""
    reason: str | None = None
    """Why it cannot be asked now, and what to do; `None` when it can."""
    configured: bool = True
    """Whether a call can be made; a key that was refused may work again, a missing one cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """One prompt for one model of one provider."""

    model: str
    """The provider's own name for the model."""
    prompt: str = field(repr=False)
    """The prompt; it must not be logged, and is kept out of `repr`."""
    temperature: float
    """Sampling temperature, 0.0 to 1.0."""
    max_tokens: int
    """The longest answer wanted, in tokens."""
    timeout: float
    """How long the core waits for this call, in seconds. The core enforces it; a client that needs
    a timeout of its own should be given this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; `None` where it did not say."""

    input_tokens: int | None = None
    """Tokens of the prompt."""
    output_tokens: int | None = None
    """Tokens of the visible answer, without reasoning."""
    reasoning_tokens: int | None = None
    """Tokens spent on thinking that the answer does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One model's answer."""

    text: str = field(repr=False)
    """The answer; it must not be logged, and is kept out of `repr`."""
    model: str | None = None
    """The model that the provider's reply names, which may differ from the one asked for."""
    finish_reason: FinishReason = "stop"
    """Why the model stopped."""
    usage: Usage = Usage()
    """What it counted."""
