"""The error mapping of the services.

A service's text is read for decisions and never passed on.
"""

import re
from collections.abc import Mapping

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ModelUnavailable,
    ProviderError,
    UpstreamError,
)
from coro_core.kit.http import (
    error_by_words,
    error_for_status,
    is_unknown_limit_field,
    read_error,
    requested_wait,
)
from coro_openai.settings import ServiceConfig

_TEMPERATURE = re.compile(
    r"(unsupported|incompatible|invalid).{0,60}\btemperature\b"
    r"|\btemperature\b.{0,20}(not support|unsupported|deprecated)",
    re.IGNORECASE,
)


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
    wait = requested_wait(headers)
    if status in (400, 422) and is_unknown_limit_field(body):
        return BadRequest(_other_limit_field(service))
    if status == 403 and body.code == "unsupported_country_region_territory":
        return BadRequest("It is not offered in the country that this server calls from.")
    error = error_by_words(status, body, retry_after=wait, check_key=_check_key(service))
    if isinstance(error, ModelUnavailable):
        return error
    if status in (400, 422) and _TEMPERATURE.search(body.message):
        return TemperatureNotAccepted("It takes no temperature, and is asked without from now on.")
    if error is not None:
        return error
    match status:
        case 403 if not body.message:
            # The gateway's HTML page. The key was never checked.
            return UpstreamError("Its gateway refused this server's address.", retryable=False)
        case 401 | 403:
            return AuthenticationFailed(_check_key(service))
        case 404 | 405:
            return BadRequest(f"There is no such route; check {service.variable}_BASE_URL.")
        case _:
            return error_for_status(status, retry_after=wait)


def _check_key(service: ServiceConfig) -> str:
    setting = f"{service.variable}_API_KEY"
    if service.api_key is None:
        return f"It wants one: set {setting}."
    return f"Check {setting}, or {service.key_help}."


def _other_limit_field(service: ServiceConfig) -> str:
    used = service.limit_field
    other = "max_tokens" if used == "max_completion_tokens" else "max_completion_tokens"
    return f"It may not take {used}; try {service.variable}_TOKEN_FIELD={other}."
