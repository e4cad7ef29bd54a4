"""The routes: each reads a request, calls the engine, and serializes the result."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from coro_core.api.schemas import (
    MAX_ID_CHARS,
    ChatRequest,
    ChatResponse,
    Health,
    ModelList,
    ModelResponse,
    PluginList,
    SingleChatRequest,
)
from coro_core.api.serializers import (
    chat_response,
    model_list_json,
    model_response,
    plugin_list,
    status_of,
)
from coro_core.dispatch.caller import Prompt
from coro_core.dispatch.result import UNKNOWN_MODEL, ModelResult
from coro_core.engine.engine import Engine
from coro_core.web.error_handlers import ProblemError
from coro_core.web.middleware import LOG_FIELDS
from coro_core.web.openapi import examples, replies
from coro_core.web.strict_requests import StrictRoute, cancel_on_disconnect

router = APIRouter(route_class=StrictRoute)


# First: routes are matched in this order, and most requests go to /chat.
@router.post(
    "/chat",
    tags=["chat"],
    operation_id="chat",
    summary="Ask many models at once",
    response_model=ChatResponse,
    responses=replies.CHAT,
)
async def chat(
    request: Request,
    payload: Annotated[ChatRequest, Body(openapi_examples=replies.named(examples.CHAT_REQUESTS))],
) -> Response:
    """Send one prompt to many models at once and return a row for each, in the order asked.

    A model that fails costs its own row and nothing else: the status is 200 as soon as one model
    answered. It is 500 when every model that was asked failed and 503 when none could be asked,
    with the same body.
    """
    limit = _container(request).settings.max_models
    if len(payload.models) > limit:
        raise _invalid("models", f"at most {limit} models may be named")
    rows, body = await _ask(request, payload, payload.models)
    if all(row.error_code == UNKNOWN_MODEL for row in rows):
        raise ProblemError(
            422,
            "unknown-model",
            "None of these models is on offer; GET /models lists those that are.",
            errors=[(f"models.{place}", row.error or "") for place, row in enumerate(rows)],
        )
    return _reply(rows, body)


@router.post(
    "/chat/{model_id:path}",
    tags=["chat"],
    operation_id="chat_with_model",
    summary="Ask one model",
    response_model=ModelResponse,
    responses=replies.SINGLE_CHAT,
)
async def chat_with_model(
    request: Request,
    model_id: Annotated[
        str,
        Path(
            max_length=MAX_ID_CHARS,
            description="The model's id, or `plugin:name`.",
            openapi_examples=replies.named(examples.MODEL_IDS),
        ),
    ],
    payload: Annotated[
        SingleChatRequest, Body(openapi_examples=replies.named(examples.SINGLE_CHAT_REQUESTS))
    ],
) -> Response:
    """Send one prompt to one model and return its row.

    The status is 200 when it answered, 500 when it failed, 503 when it could not be asked and 404
    when there is no such model.
    """
    rows, _ = await _ask(request, payload, [model_id])
    if rows[0].error_code == UNKNOWN_MODEL:
        raise ProblemError(404, "unknown-model", rows[0].error or "")
    return _reply(rows, model_response(rows[0]))


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    tags=["operation"],
    operation_id="get_health",
    summary="Is the server alive?",
    responses=replies.HEALTH,
)
async def health() -> Health:
    """Tell that the server is alive. Free of charge: no provider is asked."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Health(status="ok", timestamp=now)


@router.head("/models", include_in_schema=False)
@router.get(
    "/models",
    tags=["models"],
    operation_id="list_models",
    summary="What models are there?",
    response_model=ModelList,
    responses=replies.MODELS,
)
async def list_models(
    request: Request,
    live: Annotated[
        bool,
        Query(
            alias="all",
            description="Add every model of the providers' own lists, under `plugin:name`.",
        ),
    ] = False,
) -> Response:
    """List every model of every installed plugin, available or not, and why not."""
    engine = _container(request)
    # Wait: the first client after the start would otherwise get an empty list.
    with suppress(TimeoutError):
        async with asyncio.timeout(engine.settings.timeout):
            await engine.plugins.wait_ready()
    body = await model_list_json(engine.catalog, live=live)
    return Response(body, media_type="application/json")


@router.head("/plugins", include_in_schema=False)
@router.get(
    "/plugins",
    tags=["operation"],
    operation_id="list_plugins",
    summary="How are the plugins?",
    responses=replies.PLUGINS,
)
async def list_plugins(request: Request) -> PluginList:
    """List every plugin that was found, with its state and the reason for it."""
    engine = _container(request)
    return plugin_list(engine.plugins, engine.catalog)


def _container(request: Request) -> Engine:
    engine = request.app.state.engine
    assert isinstance(engine, Engine)
    return engine


async def _ask(
    request: Request, payload: SingleChatRequest, model_ids: Sequence[str]
) -> tuple[Sequence[ModelResult], dict[str, object]]:
    """Ask the models; cancel the calls if the client disconnects."""
    engine = _container(request)
    settings = engine.settings
    if len(payload.prompt) > settings.max_prompt_chars:
        raise _invalid("prompt", f"must have at most {settings.max_prompt_chars} characters")
    if payload.max_tokens > settings.max_tokens:
        raise _invalid("max_tokens", f"must be at most {settings.max_tokens}")
    substitute = (payload.on_retired or settings.on_retired) == "substitute"
    prompt = Prompt(payload.prompt, payload.temperature, payload.max_tokens, substitute)
    timeout = payload.timeout or settings.timeout
    answers = await cancel_on_disconnect(request, engine.fanout.ask(model_ids, prompt, timeout))
    setattr(request.state, LOG_FIELDS, answers.log_fields())
    return answers.rows, chat_response(answers, request.state.request_id)


def _reply(rows: Sequence[ModelResult], body: Mapping[str, object]) -> Response:
    """Serialize a body, with the status and `Retry-After` that follow from its rows."""
    status = status_of(rows)
    headers: dict[str, str] = {}
    waits = [row.retry_after_s for row in rows if row.retry_after_s is not None]
    if status != 200 and waits:
        headers["Retry-After"] = str(max(1, math.ceil(min(waits))))
    return Response(to_json(body), status, headers, "application/json")


def _invalid(field: str, message: str) -> ProblemError:
    return ProblemError(422, "invalid-request", f"{field}: {message}.", errors=[(field, message)])
