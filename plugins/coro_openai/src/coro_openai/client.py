"""Calls to the services, on plain HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from coro_core import (
    AuthenticationFailed,
    GenerateRequest,
    Generation,
    ModelUnavailable,
    ProviderError,
    Timeout,
    UpstreamError,
)
from coro_core.kit import Network
from coro_core.kit.http import (
    JsonClient,
    Reply,
    chat_body,
    open_json_client,
    read_completion,
    read_model_ids,
)
from coro_openai.error_mapping import TemperatureNotAccepted, map_error
from coro_openai.known import takes_no_temperature
from coro_openai.settings import ServiceConfig

_FAILURES = {"error": UpstreamError}
"""Finish reasons that are failures.

OpenRouter reports a generation that fails midway as a 200 with the error inside, at the top or in
the first choice: openrouter.ai/docs (errors), read 2026-11-22.
"""


_NO_LIST = (404, 405, 501)
"""Statuses of a service that answers chats and has no list of models."""


class ServiceClient:
    """The client of one service, with the service's known rejections."""

    def __init__(self, config: ServiceConfig, client: JsonClient, list_timeout: float) -> None:
        self._config = config
        self._client = client
        self._list_timeout = list_timeout
        self.key_error: str | None = None
        """The sentence of the last call, if the service rejected the key.

        Not the error itself, whose traceback would keep the prompt in memory.
        """
        self.list_problem: str | None = None
        """The sentence about the last list, if the service sent none."""
        self._without_temperature: set[str] = set()

    async def generate(self, request: GenerateRequest, model: str) -> Generation:
        """Return the answer of `model`, the service's own name. Raises `ProviderError`."""
        config = self._config
        body = chat_body(request, model=model, **{config.limit_field: request.max_tokens})
        if model in self._without_temperature or takes_no_temperature(model, config.limit_field):
            del body["temperature"]
        reply = await self._client.post("/chat/completions", body)
        try:
            answer = read_completion(
                _content(reply, config),
                failures=_FAILURES,
                parts=True,
                address_setting=f"{config.variable}_BASE_URL",
                map_error=lambda status: map_error(status, reply.headers, reply.content, config),
            )
        except ProviderError as error:
            if isinstance(error, TemperatureNotAccepted):
                self._without_temperature.add(model)
            raise self._record(error) from None
        self.key_error = None
        return Generation(
            text=answer.text,
            model=_prefixed_model(config.name, model, answer.model),
            finish_reason=answer.finish_reason,
            usage=answer.usage,
        )

    async def live_models(self) -> frozenset[str]:
        """Return the upstream models that the service lists, with its prefix.

        A service without a list is assumed to serve its configured models. Raises `ProviderError`.
        """
        title = self._config.title
        try:
            async with asyncio.timeout(self._list_timeout):
                reply = await self._client.get("/models")
            if reply.status in _NO_LIST:
                self.list_problem = f"{title} has no list of models; --generate checks the key."
                return self._config.upstreams
            names = read_model_ids(_content(reply, self._config))
        except TimeoutError:
            late = f"no list within {self._list_timeout:g} s"
            self.list_problem = f"{title} sent {late}; --generate checks the key."
            raise self._record(Timeout()) from None
        except ProviderError as error:
            if not isinstance(error, AuthenticationFailed):
                failed = f"sent no list of models ({error.code})"
                self.list_problem = f"{title} {failed}; --generate checks the key."
            raise self._record(error) from None
        self.key_error = self.list_problem = None
        # Ollama lists `x:latest` and accepts `x` for it.
        names |= {name.removesuffix(":latest") for name in names}
        return frozenset(f"{self._config.name}/{name}" for name in names)

    def _record(self, error: ProviderError) -> ProviderError:
        """Name the service in an error, keep its sentence if it is about the key, and return it."""
        error.provider = self._config.title
        if isinstance(error, AuthenticationFailed):
            self.key_error = error.message
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
        return await self._services[name].generate(request, upstream)

    async def live_models(self) -> frozenset[str]:
        """Return the upstream models that the services serve.

        A service that rejects the key serves nothing. A service whose list fails otherwise is
        assumed to serve its configured models. Raises `ProviderError` if every list fails.
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
                    served |= self._configs[name].upstreams
            else:
                raise result
        if len(errors) == len(names):
            # Report a rejected key only if every service rejected it.
            raise min(errors, key=lambda error: isinstance(error, AuthenticationFailed))
        return frozenset(served)

    def problems(self, name: str) -> tuple[str | None, str | None]:
        """Return the sentences about a service's key and its list; `None` without a problem."""
        service = self._services.get(name)
        return (service.key_error, service.list_problem) if service else (None, None)


@asynccontextmanager
async def open_client(
    configs: Mapping[str, ServiceConfig], network: Network, list_timeout: float
) -> AsyncIterator[Client]:
    """Open a client for each service that can be used. Calls open the connections.

    A service that sends its list of models later than `list_timeout` counts as one without a list.
    """
    async with AsyncExitStack() as stack:
        services = {}
        for name, config in configs.items():
            if config.problem is None:
                key = {"Authorization": f"Bearer {config.api_key}"} if config.api_key else {}
                client = open_json_client(config.base_url, headers=key, network=network)
                opened = await stack.enter_async_context(client)
                services[name] = ServiceClient(config, opened, list_timeout)
        yield Client(configs, services)


def _content(reply: Reply, config: ServiceConfig) -> bytes:
    """Return the body of a 200. Raises `ProviderError` for any other status."""
    if reply.status == 200:
        return reply.content
    raise map_error(reply.status, reply.headers, reply.content, config)


def _prefixed_model(service: str, requested: str, reported: str | None) -> str | None:
    """Return the model that answered, with the prefix of its service.

    An alias counts as the model that was asked for: a dated `x` answers for `x-latest`, `x` for
    `x:free`, and the file `/models/x.gguf` for `x`.
    """
    if reported is None:
        return None
    stem = requested.partition(":")[0].removesuffix("-latest")
    bare = reported.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
    alias = bare in (requested, stem) or reported == stem
    if requested.endswith("-latest"):
        alias = alias or reported.startswith(f"{stem}-")
    return f"{service}/{requested if alias else reported}"
