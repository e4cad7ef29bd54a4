"""Where answers come from: an instance in this process; `remote` knows servers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from coro_core.api.schemas import ModelList, ModelResponse, SingleChatRequest
from coro_core.api.serializers import model_list, model_response
from coro_core.contract.errors import CoroError
from coro_core.dispatch.caller import Prompt
from coro_core.engine.engine import Engine, build_engine


class CannotAskError(CoroError):
    """Nothing can be asked; the message is one sentence that says why, and what to do."""


class Source(Protocol):
    """ChatResult one prompt, a model at a time."""

    @property
    def available(self) -> Sequence[str]:
        """The ids of the models that can be asked now."""

    @property
    def stragglers(self) -> int:
        """How many calls go on although they were told to stop."""

    async def ask(self, model_id: str) -> ModelResponse:
        """Return one model's row. Raises `CannotAskError` for what is wrong with every row."""


class _Here:
    """An instance of CORO in this process."""

    def __init__(self, engine: Engine, question: SingleChatRequest) -> None:
        settings = engine.settings
        if len(question.prompt) > settings.max_prompt_chars:
            raise CannotAskError(
                f"The prompt has more than {settings.max_prompt_chars} characters; shorten it,"
                " or set CORO_MAX_PROMPT_CHARS."
            )
        if question.max_tokens > settings.max_tokens:
            raise CannotAskError(
                f"--max-tokens may be at most {settings.max_tokens}, unless CORO_MAX_TOKENS is set."
            )
        self._container = engine
        self._timeout = question.timeout or settings.timeout
        self._prompt = Prompt(
            question.prompt,
            question.temperature,
            question.max_tokens,
            settings.on_retired == "substitute",
        )

    @property
    def available(self) -> Sequence[str]:
        return available(model_list(self._container.catalog))

    @property
    def stragglers(self) -> int:
        return self._container.fanout.abandoned_running

    async def ask(self, model_id: str) -> ModelResponse:
        answers = await self._container.fanout.ask([model_id], self._prompt, self._timeout)
        return ModelResponse.model_validate(model_response(answers.rows[0]))


@asynccontextmanager
async def here(environ: Mapping[str, str], question: SingleChatRequest) -> AsyncIterator[Source]:
    """Open an instance in this process. Raises `CannotAskError` for a prompt past its limits."""
    engine = build_engine(environ)
    source = _Here(engine, question)
    async with engine.started():
        yield source


def available(models: ModelList) -> Sequence[str]:
    """Return the ids of the models that can be asked now."""
    return [model.id for model in models.models if model.available]
