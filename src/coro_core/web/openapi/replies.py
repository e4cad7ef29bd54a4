"""The replies of each operation, by status, for the published description."""

from typing import Any

from pydantic import BaseModel

from coro_core.api.problems import MEDIA_TYPE
from coro_core.api.schemas import ChatResponse, Health, ModelList, ModelResponse, PluginList
from coro_core.web.openapi import examples as ex

Replies = dict[int | str, dict[str, Any]]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def named(examples: dict[str, Any]) -> dict[str, Any]:
    """Put examples into the form of the description, each with its name as its summary."""
    return {
        name: {"summary": name.replace("_", " ").capitalize(), "value": value}
        for name, value in examples.items()
    }


def _body(model: type[BaseModel], what: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """Describe a reply with an example for each of its cases."""
    content = {"application/json": {"examples": named(examples)}}
    return {"model": model, "description": what, "content": content}


def _problem(what: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """Describe a problem with an example for each of its cases."""
    content = {MEDIA_TYPE: {"schema": _PROBLEM, "examples": named(examples)}}
    return {"description": what, "content": content}


def _or_turned_away(reply: dict[str, Any]) -> dict[str, Any]:
    """Add the problems of a server that is overloaded or stopping."""
    away = _problem("", overloaded=ex.OVERLOADED, shutting_down=ex.SHUTTING_DOWN)
    return {**reply, "content": {**reply["content"], **away["content"]}}


_BODY_REFUSED: Replies = {
    408: _problem("The body took too long to arrive.", too_slow=ex.TOO_SLOW),
    413: _problem("The body is too large.", too_large=ex.TOO_LARGE),
}
_INVALID = {
    "out_of_range": ex.OUT_OF_RANGE,
    "missing_field": ex.MISSING,
    "misspelt_field": ex.MISSPELT,
    "not_JSON": ex.NOT_JSON,
}

HEALTH: Replies = {200: _body(Health, "The server is alive.", alive=ex.HEALTH)}
MODELS: Replies = {
    200: _body(ModelList, "What can be asked, and what cannot be and why.", two_of_them=ex.MODELS),
    422: _problem("A parameter is invalid.", not_a_boolean=ex.NOT_A_BOOLEAN),
}
PLUGINS: Replies = {200: _body(PluginList, "The plugins and their states.", two_of_them=ex.PLUGINS)}
CHAT: Replies = {
    200: _body(
        ChatResponse,
        "At least one model answered.",
        all_answered=ex.chat(ex.SUBSTITUTED, ex.ANSWERED),
        one_rate_limited=ex.chat(ex.SUBSTITUTED, ex.RATE_LIMITED),
        one_timed_out=ex.chat(ex.SUBSTITUTED, ex.TIMED_OUT),
        one_retired_and_not_substituted=ex.chat(ex.ANSWERED, ex.RETIRED),
        one_not_configured=ex.chat(ex.ANSWERED, ex.NOT_CONFIGURED),
        one_unknown=ex.chat(ex.SUBSTITUTED, ex.UNKNOWN),
    ),
    **_BODY_REFUSED,
    422: _problem(
        "The request is invalid, or no model of it is known.",
        **_INVALID,
        no_known_model=ex.NONE_KNOWN,
    ),
    500: _body(
        ChatResponse,
        "Every model that was asked failed; each row says why.",
        all_failed=ex.chat(ex.RATE_LIMITED, ex.TIMED_OUT),
    ),
    503: _or_turned_away(
        _body(
            ChatResponse,
            "No model could be asked, and each row says why; or, as a problem, there are too many"
            " requests, or the server is stopping.",
            not_configured=ex.chat(ex.NOT_CONFIGURED),
        )
    ),
}
SINGLE_CHAT: Replies = {
    200: _body(
        ModelResponse,
        "The model answered.",
        answered=ex.ANSWERED,
        retired_and_substituted=ex.SUBSTITUTED,
    ),
    404: _problem("There is no such model.", unknown_model=ex.NO_SUCH_MODEL),
    **_BODY_REFUSED,
    422: _problem("The request is invalid.", **_INVALID),
    500: _body(
        ModelResponse,
        "The model was asked and failed.",
        rate_limited=ex.RATE_LIMITED,
        timed_out=ex.TIMED_OUT,
        retired_and_not_substituted=ex.RETIRED,
    ),
    503: _or_turned_away(
        _body(
            ModelResponse,
            "The model could not be asked, and the row says why; or, as a problem, there are too"
            " many requests, or the server is stopping.",
            not_configured=ex.NOT_CONFIGURED,
        )
    ),
}

OF_OPERATION = {
    "get_health": HEALTH,
    "list_models": MODELS,
    "list_plugins": PLUGINS,
    "chat": CHAT,
    "chat_with_model": SINGLE_CHAT,
}
