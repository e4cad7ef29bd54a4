"""The source of the rows: an instance in this process. `remote` has the servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from coro_core.api.schemas import ModelList, ModelResponse, SingleChatRequest
from coro_core.api.serializers import model_list, model_response
from coro_core.contract.errors import CoroError
from coro_core.dispatch.caller import Prompt
from coro_core.engine.engine import Engine


class CannotAskError(CoroError):
    """No model can be asked. The message is one sentence: the reason, and what to do."""


class Backend(Protocol):
    """Sends one prompt to one model at a time."""

    @property
    def available(self) -> Sequence[str]:
        """The ids of the models that can be asked now."""

    async def ask(self, model_id: str) -> ModelResponse:
        """Return one model's row. Raises `CannotAskError` for an error that meets every row."""


class _InProcess:
    """An instance of CORO in this process."""

    def __init__(self, engine: Engine, request: SingleChatRequest) -> None:
        settings = engine.settings
        if len(request.prompt) > settings.max_prompt_chars:
            raise CannotAskError(
                f"The prompt has more than {settings.max_prompt_chars} characters; shorten it,"
                " or set CORO_MAX_PROMPT_CHARS."
            )
        if request.max_tokens > settings.max_tokens:
            raise CannotAskError(
                f"--max-tokens may be at most {settings.max_tokens}, unless CORO_MAX_TOKENS is set."
            )
        self._engine = engine
        self._timeout = request.timeout or settings.timeout
        self._prompt = Prompt(
            request.prompt,
            request.temperature,
            request.max_tokens,
            settings.on_retired == "substitute",
        )

    @property
    def available(self) -> Sequence[str]:
        return available_ids(model_list(self._engine.catalog))

    async def ask(self, model_id: str) -> ModelResponse:
        result = await self._engine.fanout.ask([model_id], self._prompt, self._timeout)
        return ModelResponse.model_validate(model_response(result.rows[0]))


@asynccontextmanager
async def in_process(engine: Engine, request: SingleChatRequest) -> AsyncIterator[Backend]:
    """Start an instance in this process. Raises `CannotAskError` for a request past its limits."""
    backend = _InProcess(engine, request)
    async with engine.started():
        yield backend


def available_ids(models: ModelList) -> Sequence[str]:
    """Return the ids of the models that can be asked now."""
    return [model.id for model in models.models if model.available]
