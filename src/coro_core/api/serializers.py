"""The core's objects in their wire form. They are our own, so nothing is validated again.

The rows of a chat are plain data, which costs a fifth of building the models of `schemas.py`. A
test compares the two.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from coro_core.api.schemas import (
    ModelInfo,
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


def model_list(catalog: Catalog, *, live: bool = False) -> ModelList:
    """Put the models on offer into their wire form; `live` adds those of the providers' lists."""
    models = [
        _model_info(model.name, model.cost, target, catalog) for model, target in catalog.models()
    ]
    for target in catalog.live() if live else ():
        models.append(_model_info(target.candidates[0], "see the provider", target, catalog))
    return ModelList(models=models)


def plugin_list(plugins: PluginRegistry, catalog: Catalog) -> PluginList:
    """Put the plugins that were found into their wire form."""
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


def _model_info(name: str, cost: str, target: Target, catalog: Catalog) -> ModelInfo:
    upstream, first = catalog.order(target)[0], target.candidates[0]
    substituted = upstream != first
    return ModelInfo(
        id=target.id,
        name=name,
        provider=target.provider,
        cost=cost,
        available=target.available,
        reason=target.reason,
        upstream_model=upstream,
        substituted=substituted,
        note=substitution_note(first, upstream, "answers") if substituted else None,
    )


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
