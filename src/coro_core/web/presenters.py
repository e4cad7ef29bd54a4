"""From the core's objects to their wire form; they are our own, so nothing is validated again."""

from collections.abc import Sequence

from coro_core.catalog import Catalog
from coro_core.fanout import Answers, Row
from coro_core.plugins import Plugins
from coro_core.web.schemas import (
    ChatResponse,
    ModelInfo,
    ModelList,
    ModelResponse,
    PluginInfo,
    PluginList,
    TokenUsage,
)


def chat_response(answers: Answers, request_id: str) -> ChatResponse:
    """Put answers into their wire form."""
    rows = [model_response(row) for row in answers.rows]
    failed = sum(row.error_code is not None for row in answers.rows)
    return ChatResponse.model_construct(
        responses=rows,
        total_latency_ms=answers.total_latency_ms,
        succeeded=len(rows) - failed,
        failed=failed,
        request_id=request_id,
    )


def model_response(row: Row) -> ModelResponse:
    """Put one row into its wire form."""
    usage = row.usage
    return ModelResponse.model_construct(
        model=row.model,
        response=row.response,
        tokens=usage and usage.output_tokens,
        latency_ms=row.latency_ms,
        error=row.error,
        error_code=row.error_code,
        upstream_model=row.upstream_model,
        substituted=row.substituted,
        finish_reason=row.finish_reason,
        usage=TokenUsage.model_construct(
            input_tokens=usage and usage.input_tokens,
            output_tokens=usage and usage.output_tokens,
            reasoning_tokens=usage and usage.reasoning_tokens,
        ),
        retry_after_s=row.retry_after_s,
    )


def status_of(rows: Sequence[Row]) -> int:
    """Return 200 if any model answered, 500 if all that were asked failed, 503 if none was asked.

    500 is the only 5xx that hosts behind Cloudflare pass on with its body and that the
    specification allows here (docs/decisions.md).
    """
    if any(row.error_code is None for row in rows):
        return 200
    return 500 if any(row.attempted for row in rows) else 503


def model_list(catalog: Catalog) -> ModelList:
    """Put the models on offer into their wire form."""
    models = []
    for model, target in catalog.models():
        upstream = catalog.candidates(target)[0]
        models.append(
            ModelInfo(
                id=model.id,
                name=model.name,
                provider=model.provider,
                cost=model.cost,
                available=target.available,
                reason=target.reason,
                upstream_model=upstream,
                substituted=upstream != target.candidates[0],
            )
        )
    return ModelList(models=models)


def plugin_list(plugins: Plugins) -> PluginList:
    """Put the plugins that were found into their wire form."""
    return PluginList(
        plugins=[
            PluginInfo(
                name=record.name,
                distribution=record.distribution,
                version=record.version,
                state=record.state.value,
                reason=record.reason,
                models=[model.id for model in record.models],
            )
            for record in plugins.records
        ]
    )
