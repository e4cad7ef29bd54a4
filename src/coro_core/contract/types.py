"""The plain data that the core and a plugin exchange.

Every class is frozen and slotted, so no plugin can change what another one holds. None needs
pydantic, so the import is cheap.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter", "other"]
"""The reason why a model stopped: done, `max_tokens` reached, filtered, or other."""

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model on offer: a stable public id, and upstream names that change.

    Raises `ValueError` when the id is not 1 to 64 of `a-z 0-9 . _ -`, or when a text is missing.
    """

    id: str
    """The model id in requests, for example `llama-70b`. It never changes."""
    name: str
    """The name for people, for example `Llama 3.1 70B`."""
    provider: str
    """The provider's name for people: `Acme`."""
    cost: str
    """The cost for people: `free`, or `$0.15 in / $0.60 out per 1M tokens`."""
    candidates: tuple[str, ...]
    """The provider's own names for it: the preferred one first, then its fallbacks."""

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
    """One of several services of one plugin."""

    name: str
    """The service's name for people, as its models have it in `provider`."""
    reason: str | None = None
    """The reason why it cannot be called now, and what to do; `None` if it can be."""
    configured: bool = True
    """False if no call can be made. A refused key may work again; a missing key cannot."""
    list_problem: str | None = None
    """The reason why its list of models is unknown; `None` if it is known. Calls are still made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """One prompt for one model of one provider."""

    model: str
    """The provider's own name for the model."""
    prompt: str = field(repr=False)
    """The prompt. Do not log it; `repr` omits it."""
    temperature: float
    """Sampling temperature, 0.0 to 1.0."""
    max_tokens: int
    """The maximum length of the answer, in tokens."""
    timeout: float
    """The time limit of this call, in seconds. The core enforces it; a client with a timeout of its
    own should use this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; `None` if it reported no number."""

    input_tokens: int | None = None
    """Tokens of the prompt."""
    output_tokens: int | None = None
    """Tokens of the visible answer, without reasoning."""
    reasoning_tokens: int | None = None
    """Tokens of the reasoning, which the answer does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One model's answer."""

    text: str = field(repr=False)
    """The answer. Do not log it; `repr` omits it."""
    model: str | None = None
    """The model that the provider's reply names; it may differ from the requested one."""
    finish_reason: FinishReason = "stop"
    """The reason why the model stopped."""
    usage: Usage = Usage()
    """The token counts of the provider."""
