"""The wire format, as the published description shows it.

Requests are validated once, strictly: a number in quotes is not a number, and a misspelt field is
an error. Replies are our own objects. Their models here serve the description, and clients.
"""

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from coro_core.api.problems import PROBLEM_TYPES
from coro_core.contract.errors import ERROR_CODES
from coro_core.contract.types import Usage
from coro_core.dispatch.result import ModelResult

MAX_REQUEST_TIMEOUT = 60.0
MAX_ID_CHARS = 200

_MORE_THAN_WHITE_SPACE = r"[^\s\u001c-\u001f\u0085\ufeff]"
"""Means the same in every dialect of regular expressions. The characters beside `\\s` are white
space in some dialects (ECMA's, Python's, Rust's) and not in others."""


def _whole(value: object) -> object:
    """Take 512.0 for 512, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Tokens = Annotated[int | None, Field(ge=0)]
Time = Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
WholeNumber = Annotated[int, BeforeValidator(_whole)]
ModelId = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS, examples=["llama-70b"])]


class SingleChatRequest(BaseModel):
    """A prompt for one model."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str = Field(
        min_length=1,
        pattern=_MORE_THAN_WHITE_SPACE,
        description="What to ask: at least one character that is not white space, and no more"
        " characters than the server takes, 100,000 by default.",
    )
    temperature: float = Field(
        0.7,
        ge=0.0,
        le=1.0,
        description="Sampling temperature, from 0.0, the most predictable, to 1.0.",
    )
    max_tokens: WholeNumber = Field(
        512,
        ge=1,
        description="The longest answer wanted, in tokens: from 1 to what the server takes, 8192 by"
        " default.",
    )
    timeout: float = Field(
        default=None,  # type: ignore[assignment]  # absent, never null: see docs/decisions.md
        gt=0.0,
        le=MAX_REQUEST_TIMEOUT,
        description="Seconds to wait for answers, more than 0 and at most 60; models that take"
        " longer get an error row."
        " When absent, the server's own limits hold: 5 s a model and 6 s in all by default.",
    )

    on_retired: Literal["substitute", "error"] = Field(
        default=None,  # type: ignore[arg-type]  # absent, never null
        description="What to do for a model that is no longer served: `substitute` lets its"
        " successor answer and says so, `error` fails and names it. When absent, the server's own"
        " setting holds: `substitute` by default.",
    )


class ChatRequest(SingleChatRequest):
    """A prompt for many models."""

    models: list[ModelId] = Field(
        min_length=1,
        description="Ids of the models to ask, from `GET /models`; or `plugin:name` for any model"
        " of a provider by the provider's own name. From 1 to as many as the server takes, 20 by"
        " default; one named twice is asked once.",
    )


class TokenUsage(BaseModel):
    """Tokens as the provider counted them; a field is null where it did not say."""

    input_tokens: Tokens = Field(description="Tokens of the prompt.")
    output_tokens: Tokens = Field(description="Tokens of the answer, without reasoning.")
    reasoning_tokens: Tokens = Field(description="Tokens of thinking that is not shown.")


if TYPE_CHECKING:

    class ModelResponse(ModelResult, BaseModel):
        """The type checker's view of the model that is made below."""

else:
    _TYPES = get_type_hints(ModelResult)
    ModelResponse = create_model(
        "ModelResponse",
        __module__=__name__,
        __doc__="One model's answer, or why there is none.",
        **{
            field.name: (
                TokenUsage if _TYPES[field.name] is Usage else _TYPES[field.name],
                Field(**field.metadata),
            )
            for field in fields(ModelResult)
            if field.metadata
        },
    )


class ChatResponse(BaseModel):
    """The answers, in the order in which the models were asked."""

    responses: list[ModelResponse] = Field(description="One row per model.")
    total_latency_ms: int = Field(
        ge=0, description="Milliseconds that the whole request took: about the slowest model's."
    )
    succeeded: int = Field(ge=0, description="How many models answered.")
    failed: int = Field(ge=0, description="How many did not.")
    request_id: str = Field(description="Names this request in the log; also in `X-Request-ID`.")


class ModelInfo(BaseModel):
    """A model on offer."""

    id: str = Field(description="What to put into `models`; it never changes.")
    name: str = Field(description="What people call it.")
    provider: str = Field(description="Who runs it.")
    cost: str = Field(description="What it costs, in words: `$0.15 in / $0.60 out per 1M tokens`.")
    available: bool = Field(description="Whether it can be asked now.")
    reason: str | None = Field(description="Why it is not available, and what to do; else null.")
    upstream_model: str = Field(description="The provider's own name of the model to be asked.")
    substituted: bool = Field(
        description="Whether that is another model than the id's first choice."
    )
    note: str | None = Field(
        description="Which model answers instead of which, in a sentence; else null."
    )


class ModelList(BaseModel):
    """Every model of every installed plugin."""

    models: list[ModelInfo] = Field(description="By plugin, in the order of its own list.")


class ProviderTraffic(BaseModel):
    """Recent outcomes at a provider, seen from the calls that were made anyway."""

    last_success: Time = Field(
        description="When a call was last answered, RFC 3339, UTC; null when none was yet."
    )
    last_error: Time = Field(
        description="When a call last failed, RFC 3339, UTC; null when none has yet."
    )
    last_error_code: str | None = Field(
        description="How that call failed, as in a row's `error_code`; null when none has yet.",
        json_schema_extra={"enum": [*ERROR_CODES]},
    )
    last_discovery: Time = Field(
        description="When the provider was last asked what it serves, RFC 3339, UTC; null when it"
        " was not yet."
    )
    last_discovery_error_code: str | None = Field(
        description="How that failed, as in a row's `error_code`; null when it did not.",
        json_schema_extra={"enum": [*ERROR_CODES]},
    )
    listed: int = Field(
        ge=0, description="How many models the provider's own list holds; 0 when it is not known."
    )
    abandoned: int = Field(
        ge=0, description="How many calls went on after their deadline and were left behind."
    )
    abandoned_running: int = Field(
        ge=0, description="How many of those have not ended yet; with too many, none is added."
    )


class PluginInfo(BaseModel):
    """An installed plugin."""

    name: str = Field(description="The plugin's name.")
    distribution: str = Field(description="The distribution that it was installed from.")
    version: str = Field(description="The version of that distribution.")
    state: Literal["starting", "ready", "disabled", "unconfigured", "failed", "rejected"] = Field(
        description="Whether it can be used: `starting` soon, `ready` now, `disabled` by the"
        " operator, `unconfigured` for lack of a key or setting, `failed` by a fault of its own,"
        " `rejected` because it breaks the contract."
    )
    reason: str | None = Field(description="Why it is in that state; null if nothing is to say.")
    models: list[str] = Field(description="The ids of its models.")
    traffic: ProviderTraffic = Field(description="How its provider has lately done.")


class PluginList(BaseModel):
    """Every plugin that was found."""

    plugins: list[PluginInfo] = Field(description="By name.")


class Health(BaseModel):
    """A sign of life; no provider is asked."""

    status: Literal["ok"] = Field(description="Always `ok`.")
    timestamp: str = Field(
        description="The server's time, UTC, as RFC 3339.",
        json_schema_extra={"format": "date-time", "examples": ["2026-11-22T12:00:00Z"]},
    )


class FieldError(BaseModel):
    """The problem with one field."""

    field: str = Field(description="The field, with dots into lists: `models.3`.")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error, after RFC 9457."""

    type: str = Field(
        description="What kind of problem it is, for programs: "
        + ", ".join(f"`{kind}`" for kind in PROBLEM_TYPES.values())
        + "; more kinds may follow."
    )
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What happened and what to do, in a sentence.")
    request_id: str = Field(description="Names this request in the log; also in `X-Request-ID`.")
    errors: list[FieldError] = Field(
        description="What is wrong with which field, 10 at most; empty when the fault is not one of"
        " a field."
    )
