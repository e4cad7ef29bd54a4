"""The result of one model, and the results of one request.

The fields of `ModelResult` carry their wire description. The wire schema, the JSON form and the
published examples are derived from them (`api/schemas.py`, `api/serializers.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coro_core.contract.errors import ERROR_CODES, MAX_RETRY_AFTER
from coro_core.contract.types import FinishReason, Usage

UNKNOWN_MODEL = "unknown_model"


def _wire(description: str, **limits: Any) -> Mapping[str, Any]:
    """Return the metadata of a field that clients see; `limits` go into its schema."""
    return {"description": description, **limits}


@dataclass(slots=True, kw_only=True)
class ModelResult:
    """One model's answer, or the reason why it has none.

    Not frozen: a frozen dataclass takes five times as long to make, and only the core holds it.
    """

    model: str = field(metadata=_wire("The id that was asked."))
    response: str = field(default="", metadata=_wire("The answer; empty when there is an error."))
    tokens: int | None = field(
        default=None,
        init=False,
        metadata=_wire("Tokens of the answer, without reasoning; null when not known.", ge=0),
    )
    latency_ms: int = field(
        default=0,
        metadata=_wire("Milliseconds from the start of this model's work to its end.", ge=0),
    )
    error: str | None = field(
        default=None,
        metadata=_wire(
            "What went wrong and what to do, for people; null when it answered."
            " The wording may change: branch on `error_code`."
        ),
    )
    error_code: str | None = field(
        default=None,
        metadata=_wire(
            "What went wrong, for programs; null when it answered.",
            json_schema_extra={"enum": [*ERROR_CODES, UNKNOWN_MODEL]},
        ),
    )
    upstream_model: str | None = field(
        default=None,
        metadata=_wire(
            "The provider's own name of the model that answered, or was asked last; null when"
            " none was asked."
        ),
    )
    substituted: bool = field(
        default=False,
        metadata=_wire(
            "Whether `upstream_model` is another than the id's first choice, because the provider"
            " no longer serves that."
        ),
    )
    note: str | None = field(
        default=None,
        metadata=_wire(
            "Which model answered instead of which, in a sentence; null when it is the id's first"
            " choice."
        ),
    )
    finish_reason: FinishReason | None = field(
        default=None,
        metadata=_wire(
            "Why the answer ended: `stop` it was done, `length` it reached max_tokens,"
            " `content_filter` it was cut, `other` for any other reason; null when there is none."
        ),
    )
    usage: Usage = field(default=Usage(), metadata=_wire("Tokens counted by the provider."))
    retry_after_s: float | None = field(
        default=None,
        metadata=_wire(
            "Seconds that the provider asks to wait before the next try, a day at most; null when"
            " it did not say.",
            ge=0,
            le=MAX_RETRY_AFTER,
        ),
    )
    attempted: bool = True
    """False if nothing was sent: the id is unknown, or the plugin is not ready. Not on the wire."""

    def __post_init__(self) -> None:
        """Take the number of tokens from the usage."""
        self.tokens = self.usage.output_tokens


@dataclass(frozen=True, slots=True)
class ChatResult:
    """The results in the order asked, and the time they took together."""

    rows: Sequence[ModelResult]
    total_latency_ms: int

    def log_fields(self) -> dict[str, object]:
        """Return what the log line of a request holds of its answers; nothing without any."""
        answered = [row for row in self.rows if row.error_code is None]
        if not answered:
            return {}
        return {
            "latency_ms": {row.model: row.latency_ms for row in answered},
            "tokens": {row.model: row.tokens for row in answered},
            "substituted": {row.model: row.upstream_model for row in answered if row.substituted},
        }


def retirement_note(first: str) -> str:
    """Return the sentence that calls a first choice retired."""
    return f"{first} is no longer served."


def substitution_note(first: str, upstream: str, verb: Literal["answers", "answered"]) -> str:
    """Return the sentence that names the model in place of a retired first choice."""
    return f"{retirement_note(first).removesuffix('.')}; {upstream} {verb}."


def milliseconds(seconds: float) -> int:
    """Round a duration for the wire."""
    return round(seconds * 1000)
