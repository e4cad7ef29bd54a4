"""The result of one model, and the results of one request."""

from collections.abc import Sequence
from dataclasses import dataclass

from coro_core.contract.types import FinishReason, Usage

UNKNOWN_MODEL = "unknown_model"


@dataclass(slots=True, kw_only=True)
class ModelResult:
    """What one model said, or why it did not.

    Not frozen like the rest: making one would take five times as long, and only the core holds it.
    """

    model: str
    response: str = ""
    latency_ms: int = 0
    error: str | None = None
    error_code: str | None = None
    upstream_model: str | None = None
    substituted: bool = False
    note: str | None = None
    """One sentence on which model answered, when that is another than one would expect."""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    retry_after_s: float | None = None
    attempted: bool = True
    """Whether anything was asked; not so for an unknown id or a plugin that is not ready."""


@dataclass(frozen=True, slots=True)
class ChatResult:
    """The rows in the order asked, and the time they took together."""

    rows: Sequence[ModelResult]
    total_latency_ms: int
