"""The error mapping of the services.

A service's text is read for decisions and never passed on.
"""

import re
from collections.abc import Mapping

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ContentBlocked,
    ModelUnavailable,
    ProviderError,
    QuotaExhausted,
    TooLarge,
    UpstreamError,
)
from coro_core.kit.http import ErrorBody, error_for_status, read_error, retry_after
from coro_openai.settings import ServiceConfig

_NO_MODEL_CODES = {"model_not_found", "invalid_model", "model_not_available", "NotFoundError"}
_NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}(not found|does not exist|not a valid|not available|not exist|no longer)"
    r"|not a valid model|no endpoints found|invalid model|unknown model|unable to access model"
    r"|does not have access to model",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = re.compile(
    r"maximum context length|context[ _](length|size|window)|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(
    r"(unsupported|incompatible|invalid).{0,60}\btemperature\b"
    r"|\btemperature\b.{0,20}(not support|unsupported|deprecated)",
    re.IGNORECASE,
)
_TOKEN_FIELD = re.compile(r"max_completion_tokens|max_tokens")
_BLOCKED = re.compile(r"moderation|flagged|content[_ ](filter|policy)", re.IGNORECASE)
_QUOTA = re.compile(r"quota|credit|billing|\b[TR]PD\b", re.IGNORECASE)
_UNIT = re.compile(r"\bper[- ](sec|min|day)", re.IGNORECASE)
"""The first match counts: services name the reached limit first, then the limits of other plans."""


class TemperatureNotAccepted(BadRequest):
    """The model accepts no temperature, or only its default. A call without it works.

    BoltAI/BoltAI/issues/302 (OpenAI), RooCodeInc/Roo-Code/issues/12162 (Anthropic),
    HKUDS/nanobot/pull/4967 (Moonshot). Read 2026-11-22.
    """

    may_retry = True


def map_error(
    status: int, headers: Mapping[str, str], content: bytes, service: ServiceConfig
) -> ProviderError:
    """Return the error that an error reply stands for, or a 200 with an error inside.

    Statuses have their usual meaning. The text distinguishes errors with the same status:
    openrouter.ai/docs (errors), docs.mistral.ai, docs.together.ai,
    github.com/openai/openai-python/issues on insufficient_quota, github.com/ollama/ollama (404 for
    a model that was not pulled), Aider-AI/aider/issues/1903 (403 for a model that a project may not
    use), continuedev/continue/issues/11449 (403 for a country), onlybooks/llm/issues/6 (the text of
    a limit). Read 2026-11-22.
    """
    body = read_error(content)
    wait = retry_after(headers.get("retry-after"))
    words = f"{body.code} {body.type} {body.message}"
    no_model = bool({body.code, body.type} & _NO_MODEL_CODES) or _NO_MODEL.search(body.message)
    match status:
        case 400 | 403 | 404 | 410 | 422 if no_model:
            return ModelUnavailable()
        case 400 | 403 if _BLOCKED.search(words):
            return ContentBlocked()
        case 400 | 422 if _TOO_LONG.search(words):
            return TooLarge()
        case 400 | 422 if _TEMPERATURE.search(body.message):
            return TemperatureNotAccepted(
                "It takes no temperature, and is asked without from now on."
            )
        case 400 | 422 if _TOKEN_FIELD.search(words):
            return BadRequest(_other_limit_field(service))
        case 403 if not body.message:
            # The gateway's HTML page. The key was never checked.
            return UpstreamError("Its gateway refused this server's address.", retryable=False)
        case 403 if body.code == "unsupported_country_region_territory":
            return BadRequest("It is not offered in the country that this server calls from.")
        case 401 | 403:
            return AuthenticationFailed(_check_key(service))
        case 404 | 405:
            return BadRequest(f"There is no such route; check {service.variable}_BASE_URL.")
        case 429 if _is_quota_exhausted(body):
            return QuotaExhausted(retry_after=wait)
        case _:
            return error_for_status(status, retry_after=wait)


def _is_quota_exhausted(body: ErrorBody) -> bool:
    """Return True for a used-up quota or credit, False for a limit that ends with a short wait."""
    if unit := _UNIT.search(body.message):
        return unit[1].lower() == "day"
    return _QUOTA.search(f"{body.code} {body.type} {body.message}") is not None


def _check_key(service: ServiceConfig) -> str:
    setting = f"{service.variable}_API_KEY"
    if service.api_key is None:
        return f"It wants one: set {setting}."
    return f"Check {setting}, or {service.key_help}."


def _other_limit_field(service: ServiceConfig) -> str:
    used = service.limit_field
    other = "max_tokens" if used == "max_completion_tokens" else "max_completion_tokens"
    return f"It may not take {used}; try {service.variable}_TOKEN_FIELD={other}."
