"""The core's objects in their wire form. They are our own, so nothing is validated again.

The rows of a chat are plain data, which costs a fifth of building the models of `schemas.py`. A
test compares the two.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import attrgetter

from pydantic_core import to_json

from coro_core.api.schemas import (
    ModelList,
    ModelResponse,
    PluginInfo,
    PluginList,
    ProviderTraffic,
    TokenUsage,
)
from coro_core.catalog.catalog import Catalog, Target
from coro_core.dispatch.result import ChatResult, ModelResult, substitution_note
from coro_core.plugins.record import PluginRecord
from coro_core.plugins.registry import PluginRegistry

LIST_CHUNK = 200
"""Models that are listed before other requests get their turn: one to two milliseconds."""

_ROW = tuple(ModelResponse.model_fields)
_USAGE = tuple(TokenUsage.model_fields)
_row_values = attrgetter(*_ROW)
_usage_values = attrgetter(*_USAGE)


def chat_response(answers: ChatResult, request_id: str) -> dict[str, object]:
    """Put a chat result into the form of `ChatResponse`."""
    failed = sum(row.error_code is not None for row in answers.rows)
    return {
        "responses": [model_response(row) for row in answers.rows],
        "total_latency_ms": answers.total_latency_ms,
        "succeeded": len(answers.rows) - failed,
        "failed": failed,
        "request_id": request_id,
    }


def model_response(row: ModelResult) -> dict[str, object]:
    """Put one result into the form of `ModelResponse`."""
    body: dict[str, object] = dict(zip(_ROW, _row_values(row), strict=True))
    body["usage"] = dict(zip(_USAGE, _usage_values(row.usage), strict=True))
    return body


def status_of(rows: Sequence[ModelResult]) -> int:
    """Return 200 if any model answered, 500 if all that were asked failed, 503 if none was asked.

    500 is the only 5xx that hosts behind Cloudflare pass on with its body and that the
    specification allows here (docs/decisions.md).
    """
    if any(row.error_code is None for row in rows):
        return 200
    return 500 if any(row.attempted for row in rows) else 503


def model_list(catalog: Catalog) -> ModelList:
    """Put the models on offer into their wire form."""
    return ModelList.model_validate({"models": list(_model_infos(catalog, live=False))})


async def model_list_json(catalog: Catalog, *, live: bool) -> bytes:
    """Return the JSON of a `ModelList`; `live` adds the models of the providers' lists.

    Those lists can hold many thousand names. Other requests are served between chunks.
    """
    chunks: list[bytes] = []
    infos = _model_infos(catalog, live=live)
    while chunk := list(islice(infos, LIST_CHUNK)):
        if chunks:
            await asyncio.sleep(0)
        chunks.append(to_json(chunk)[1:-1])
    return b'{"models":[' + b",".join(chunks) + b"]}"


def plugin_list(plugins: PluginRegistry, catalog: Catalog) -> PluginList:
    """Put the plugins into their wire form."""
    return PluginList(
        plugins=[
            PluginInfo(
                name=record.name,
                distribution=record.distribution,
                version=record.version,
                state=record.state.value,
                reason=record.explanation,
                models=[model.id for model in record.models],
                traffic=_traffic(record, catalog),
            )
            for record in plugins.records
        ]
    )


def _model_infos(catalog: Catalog, *, live: bool) -> Iterator[dict[str, object]]:
    for model, target in catalog.models():
        yield _model_info(model.name, model.cost, target, catalog)
    for target in catalog.live() if live else ():
        yield _model_info(target.candidates[0], "see the provider", target, catalog)


def _model_info(name: str, cost: str, target: Target, catalog: Catalog) -> dict[str, object]:
    """Put one model into the form of `ModelInfo`."""
    upstream, first = catalog.order(target)[0], target.candidates[0]
    substituted = upstream != first
    reason = target.reason
    return {
        "id": target.id,
        "name": name,
        "provider": target.provider,
        "cost": cost,
        "available": reason is None,
        "reason": reason,
        "upstream_model": upstream,
        "substituted": substituted,
        "note": substitution_note(first, upstream, "answers") if substituted else None,
    }


def _traffic(record: PluginRecord, catalog: Catalog) -> ProviderTraffic:
    traffic = record.traffic
    return ProviderTraffic(
        last_success=_time(traffic.last_success),
        last_error=_time(traffic.last_error),
        last_error_code=traffic.last_error_code,
        last_discovery=_time(traffic.last_discovery),
        last_discovery_error_code=traffic.last_discovery_error_code,
        listed=len(catalog.upstreams(record).listed),
        abandoned=sum(calls.total for calls in record.abandoned.values()),
        abandoned_running=sum(calls.running for calls in record.abandoned.values()),
    )


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
