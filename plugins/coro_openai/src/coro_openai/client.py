"""Calls to the services, on plain HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from coro_core import (
    AuthenticationFailed,
    GenerateRequest,
    Generation,
    ModelUnavailable,
    ProviderError,
    UpstreamError,
)
from coro_core.kit.http import (
    JsonClient,
    Reply,
    chat_body,
    open_json_client,
    read_completion,
    read_model_ids,
)
from coro_openai.error_mapping import TemperatureRefused, map_error
from coro_openai.known import takes_no_temperature
from coro_openai.settings import ServiceConfig

_FAILURES = {"error": UpstreamError}
"""OpenRouter's, for a generation that failed once it had begun: it is a 200 with the error inside,
at the top or in the first choice. openrouter.ai/docs (errors), read 2026-11-22."""


class ServiceClient:
    """One service: its client, and what it has refused: the key the last time, temperatures."""

    def __init__(self, config: ServiceConfig, client: JsonClient) -> None:
        self._config = config
        self._client = client
        self.refused: str | None = None
        """In a sentence; the error itself would keep the prompt, by its traceback."""
        self._without_temperature: set[str] = set()

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt. Raises `ProviderError`."""
        config = self._config
        body = chat_body(request, **{config.limit_field: request.max_tokens})
        if request.model in self._without_temperature or takes_no_temperature(
            request.model, config.limit_field
        ):
            del body["temperature"]
        reply = await self._client.post("/chat/completions", body)
        try:
            answer = read_completion(
                _content(config, reply),
                failures=_FAILURES,
                parts=True,
                map_error=lambda status: map_error(config, status, reply.headers, reply.content),
            )
        except ProviderError as error:
            if isinstance(error, TemperatureRefused):
                self._without_temperature.add(request.model)
            raise self._judged(error) from None
        self.refused = None
        return replace(answer, model=_named(config.name, request.model, answer.model))

    async def live_models(self) -> frozenset[str]:
        """Return the names that the service lists, with its prefix. Raises `ProviderError`."""
        reply = await self._client.get("/models")
        try:
            names = read_model_ids(_content(self._config, reply))
        except ProviderError as error:
            raise self._judged(error) from None
        self.refused = None
        # Ollama lists with its tag what it also answers to without: x:latest is x.
        names |= {name.removesuffix(":latest") for name in names}
        return frozenset(f"{self._config.name}/{name}" for name in names)

    def _judged(self, error: ProviderError) -> ProviderError:
        error.provider = self._config.title
        if isinstance(error, AuthenticationFailed):
            self.refused = error.message
        return error


class Client:
    """Every service, by name."""

    def __init__(
        self, configs: Mapping[str, ServiceConfig], services: Mapping[str, ServiceClient]
    ) -> None:
        self._configs = configs
        self._services = services

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt for `service/name`. Raises `ProviderError`."""
        name, _, upstream = request.model.partition("/")
        config = self._configs.get(name)
        if config is None or not upstream:
            raise ModelUnavailable(f"No service named {name[:64]!a} is configured.")
        if config.problem:
            raise config.not_configured()
        return await self._services[name].generate(replace(request, model=upstream))

    async def live_models(self) -> frozenset[str]:
        """Return the names that the services serve. Raises `ProviderError` when none could tell.

        A service that refuses the key serves nothing. One whose list is not to be had otherwise is
        taken to serve what it is configured for, unless all the others are like it.
        """
        names = list(self._services)
        results = await asyncio.gather(
            *(self._services[name].live_models() for name in names), return_exceptions=True
        )
        served: set[str] = set()
        errors: list[ProviderError] = []
        for name, result in zip(names, results, strict=True):
            if isinstance(result, frozenset):
                served |= result
            elif isinstance(result, ProviderError):
                errors.append(result)
                if not isinstance(result, AuthenticationFailed):
                    served |= {it for m in self._configs[name].models for it in m.candidates}
            else:
                raise result
        if len(errors) == len(names):
            # All refused is a refusal; with another kind among them, nobody knows of all.
            raise min(errors, key=lambda error: isinstance(error, AuthenticationFailed))
        return frozenset(served)

    def refused(self, name: str) -> str | None:
        """Return in a sentence that a service refused the key, if it did the last time."""
        service = self._services.get(name)
        return service.refused if service else None


@asynccontextmanager
async def open_client(configs: Mapping[str, ServiceConfig]) -> AsyncIterator[Client]:
    """Open a client for each service that can be used; connections are made by calls."""
    async with AsyncExitStack() as stack:
        services = {}
        for name, config in configs.items():
            if config.problem is None:
                key = {"Authorization": f"Bearer {config.api_key}"} if config.api_key else {}
                client = open_json_client(config.base_url, headers=key)
                services[name] = ServiceClient(config, await stack.enter_async_context(client))
        yield Client(configs, services)


def _content(config: ServiceConfig, reply: Reply) -> bytes:
    """Return the body of a success, which is a 200 alone. Raises `ProviderError` otherwise."""
    if reply.status == 200:
        return reply.content
    raise map_error(config, reply.status, reply.headers, reply.content)


def _named(service: str, asked: str, answered: str | None) -> str | None:
    """Return the model that answered, with the prefix of its service.

    An alias that the service resolves is the model that was asked for: `x-latest` by a dated `x`,
    `x:free` by `x`, `x` by a file `/models/x.gguf`.
    """
    if answered is None:
        return None
    stem = asked.partition(":")[0].removesuffix("-latest")
    bare = answered.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
    alias = bare in (asked, stem) or answered == stem
    if asked.endswith("-latest"):
        alias = alias or answered.startswith(f"{stem}-")
    return f"{service}/{asked if alias else answered}"
