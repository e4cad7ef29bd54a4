"""The differences between services, one server for each."""

import gc
import json
from contextlib import AsyncExitStack, suppress

import pytest

from coro_core import GenerateRequest, ProviderError
from coro_core.testing import HttpReply, serve_http
from coro_core.testing.fixtures import error_of
from coro_openai import OpenAIPlugin

SECRET = "sk_secret"


def completion(content="4", **more):
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish_reason", "stop")}
    return json.dumps({"model": "m", "choices": [choice], **more}).encode()


def error(message=f"the key {SECRET} is in here", **more):
    return json.dumps({"error": {"message": message, **more}}).encode()


def limited(unit):
    """Return OpenAI's error about a limit, for accounts without a payment method."""
    return error(
        f"Rate limit reached for x in organization o on requests per {unit}: Limit 3, Used 3,"
        " Requested 1. You can increase your rate limit by adding a payment method to your"
        " account at https://platform.openai.com/account/billing.",
        type="requests",
        code="rate_limit_exceeded",
    )


ERROR_REPLIES = {
    "OpenAI: a code in words": (404, error(code="model_not_found"), "model_unavailable"),
    "OpenAI: no quota is a 429": (429, error(code="insufficient_quota"), "quota_exhausted"),
    "OpenAI: a project may not": (
        403,
        error("Project `p` does not have access to model `x`", code="model_not_found"),
        "model_unavailable",
    ),
    "OpenAI: a country": (
        403,
        error(code="unsupported_country_region_territory", type="request_forbidden"),
        "bad_request",
    ),
    "OpenAI: a minute's limit, with an offer": (429, limited("min (RPM)"), "rate_limited"),
    "OpenAI: a day's limit, with an offer": (429, limited("day (RPD)"), "quota_exhausted"),
    "OpenRouter: a minute's limit, with an offer": (
        429,
        error("Rate limit exceeded: free-models-per-min. Add credits for 1000 requests per day"),
        "rate_limited",
    ),
    "OpenAI: too long": (400, error(code="context_length_exceeded"), "too_large"),
    "OpenAI: filtered": (400, error(code="content_policy_violation"), "content_blocked"),
    "OpenRouter: a number": (
        400,
        error("x is not a valid model ID", code=400),
        "model_unavailable",
    ),
    "OpenRouter: moderation": (
        403,
        error("Your input was flagged", code=403, metadata={"reasons": []}),
        "content_blocked",
    ),
    "OpenRouter: no credit": (402, error("Insufficient credits", code=402), "quota_exhausted"),
    "OpenRouter: free models": (
        429,
        error("Rate limit exceeded: free-models-per-day", code=429),
        "quota_exhausted",
    ),
    "OpenRouter: waiting": (408, error("Timeout", code=408), "timeout"),
    "Ollama: not pulled": (
        404,
        error('model "x" not found, try pulling it first', type="api_error", code=None),
        "model_unavailable",
    ),
    "Ollama: a string": (404, b'{"error": "model \\"x\\" not found"}', "model_unavailable"),
    "vLLM: nested, a number": (
        404,
        error("The model `x` does not exist.", type="NotFoundError", code=404),
        "model_unavailable",
    ),
    "vLLM: flat": (
        404,
        json.dumps(
            {"object": "error", "message": "The model `x` does not exist.", "code": 404}
        ).encode(),
        "model_unavailable",
    ),
    "vLLM: too long": (
        400,
        error("This model's maximum context length is 10 tokens.", type="BadRequestError"),
        "too_large",
    ),
    "Mistral: a list": (
        422,
        b'{"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}',
        "bad_request",
    ),
    "Mistral: invalid model": (
        400,
        b'{"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": 1}',
        "model_unavailable",
    ),
    "Mistral: the top": (401, b'{"message": "Unauthorized"}', "authentication_failed"),
    "Mistral: 429 at the top": (
        429,
        b'{"message": "Requests rate limit exceeded"}',
        "rate_limited",
    ),
    "Mistral: 429 in words": (429, b'{"detail": "slow down"}', "rate_limited"),
    "Together: 529": (529, error("overloaded"), "overloaded"),
    "a gateway's page": (403, b"<html>Cloudflare</html>", "upstream_error"),
    "no such route": (404, b"<html>nginx</html>", "bad_request"),
    "an empty body": (500, b"", "upstream_error"),
}


@pytest.mark.parametrize(
    ("status", "body", "code"), ERROR_REPLIES.values(), ids=list(ERROR_REPLIES)
)
async def test_an_error_reply_becomes_its_error_without_the_text_of_the_provider(
    answering, request_for, status, body, code
):
    async with answering(body, status) as plugin:
        raised = await error_of(plugin.coro_generate(request_for("mistral/x")))
    assert raised.code == code
    assert SECRET not in f"{raised} {raised!r} {raised.args}"


INSIDE = {
    "OpenRouter: at the top": (error("Provider returned error", code=502), "upstream_error"),
    "OpenRouter: rate limit": (error("Slow down", code=429), "rate_limited"),
    "OpenRouter: in a choice": (
        json.dumps(
            {
                "choices": [
                    {
                        "finish_reason": "error",
                        "message": {"content": "half an ans"},
                        "error": {"code": 503, "message": "gone"},
                    }
                ]
            }
        ).encode(),
        "overloaded",
    ),
    "a finish alone": (completion(finish_reason="error"), "upstream_error"),
    "OpenRouter: beside what broke off": (
        completion(finish_reason="error", error={"code": 429}),
        "rate_limited",
    ),
    "a string": (b'{"error": "it broke"}', "invalid_response"),
    "a type": (error(type="invalid_request_error"), "bad_request"),
    "a key": (error(code=401), "authentication_failed"),
    "a list": (b'{"error": ["it broke"]}', "invalid_response"),
    "no answer at all": (b'{"object": "chat.completion"}', "invalid_response"),
}


@pytest.mark.parametrize(("body", "code"), INSIDE.values(), ids=list(INSIDE))
async def test_an_error_inside_a_success_is_an_error(answering, request_for, body, code):
    async with answering(body) as plugin:
        raised = await error_of(plugin.coro_generate(request_for("mistral/x")))
    assert raised.code == code
    assert SECRET not in f"{raised} {raised!r} {raised.args}"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_reasoning_in_either_field_is_not_part_of_the_answer(answering, request_for, name):
    async with answering(completion(message={name: "Let me think"})) as plugin:
        assert (await plugin.coro_generate(request_for("mistral/x"))).text == "4"
    only = completion("", message={name: "Let me think"}, finish_reason="length")
    async with answering(only) as plugin:
        raised = await error_of(plugin.coro_generate(request_for("mistral/x")))
    assert raised.code == "empty_response"
    assert "raise max_tokens" in str(raised)


async def test_the_text_parts_of_an_answer_are_joined(answering, request_for):
    # Mistral's reasoning models: docs.mistral.ai/capabilities/reasoning, read 2026-11-22.
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Two and two"}]},
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "4."},
    ]
    async with answering(completion(parts)) as plugin:
        assert (await plugin.coro_generate(request_for("mistral/x"))).text == "It is 4."


async def test_usage_may_be_missing(answering, request_for):
    async with answering(completion()) as plugin:
        usage = (await plugin.coro_generate(request_for("mistral/x"))).usage
    assert (usage.input_tokens, usage.output_tokens) == (None, None)


async def test_white_space_before_the_json_is_skipped(answering, request_for):
    async with answering(b"\n \n\n" + completion()) as plugin:
        assert (await plugin.coro_generate(request_for("mistral/x"))).text == "4"


@pytest.mark.parametrize(
    ("name", "model", "settings", "sent"),
    [
        ("MISTRAL", "m", {}, {"temperature": 0.5, "max_tokens": 64}),
        ("OPENAI", "gpt-4.1-nano", {}, {"temperature": 0.5, "max_completion_tokens": 64}),
        ("OPENAI", "gpt-5-mini", {}, {"max_completion_tokens": 64}),
        ("OPENROUTER", "openai/gpt-5-mini", {}, {"temperature": 0.5, "max_tokens": 64}),
        ("BOX", "o4-mini", {"TOKEN_FIELD": "max_completion_tokens"}, {"max_completion_tokens": 64}),
        ("OPENAI", "gpt-4", {"TOKEN_FIELD": "max_tokens"}, {"temperature": 0.5, "max_tokens": 64}),
    ],
)
async def test_each_service_gets_the_fields_that_it_accepts(
    answering, request_for, name, model, settings, sent
):
    async with answering(completion(), name=name, **settings) as plugin:
        await plugin.coro_generate(request_for(f"{name.lower()}/{model}"))
    (call,) = plugin.requests
    message = {"role": "user", "content": "What is 2+2?"}
    assert call.path == "/v1/chat/completions"
    assert call.body == {"model": model, "messages": [message], "stream": False, **sent}


@pytest.mark.parametrize(
    ("name", "field", "other"),
    [
        ("OPENAI", "max_completion_tokens", "max_tokens"),
        ("VLLM", "max_tokens", "max_completion_tokens"),
    ],
)
async def test_a_rejected_token_field_is_reported_with_the_setting_that_helps(
    answering, request_for, name, field, other
):
    body = error(f"Unsupported parameter: '{field}'", param=field, code="unsupported_parameter")
    async with answering(body, 400, name=name) as plugin:
        raised = await error_of(plugin.coro_generate(request_for(f"{name.lower()}/m")))
    assert raised.code == "bad_request"
    assert raised.detail == f"It may not take {field}; try CORO_OPENAI_{name}_TOKEN_FIELD={other}."


async def test_a_keyless_server_gets_no_key_and_its_error_names_the_setting_for_one(
    answering, request_for
):
    async with answering(completion(), name="OLLAMA", API_KEY="") as plugin:
        await plugin.coro_generate(request_for("ollama/m"))
    assert "authorization" not in plugin.requests[0].headers
    async with answering(error(), 401, name="OLLAMA", API_KEY="") as plugin:
        raised = await error_of(plugin.coro_generate(request_for("ollama/m")))
    assert str(raised) == (
        "Ollama refused the API key. It wants one: set CORO_OPENAI_OLLAMA_API_KEY."
    )


@pytest.mark.parametrize(
    ("asked", "answered", "named"),
    [
        ("mistral-small-latest", "mistral-small-2506", "mistral-small-latest"),
        ("mistral-small-latest", "mistral-small-latest", "mistral-small-latest"),
        ("mistral-small-latest", "mistral-large-2506", "mistral-large-2506"),
        ("meta-llama/x:free", "meta-llama/x", "meta-llama/x:free"),
        ("tiny", "/models/tiny.gguf", "tiny"),
        ("tiny", "other", "other"),
    ],
)
async def test_the_model_of_an_answer_has_the_prefix_of_its_service(
    answering, request_for, asked, answered, named
):
    async with answering(completion(model=answered)) as plugin:
        answer = await plugin.coro_generate(request_for(f"mistral/{asked}"))
    assert answer.model == f"mistral/{named}"


# Several services


def listing(*names):
    return HttpReply(json.dumps({"data": [{"id": name} for name in names]}).encode())


async def open_two(stack, first, second, **more):
    """Open a plugin before two services, `box` and `mistral`.

    A test may change their replies later.
    """
    replies = {"box": first, "mistral": second}
    environ = {"CORO_OPENAI_BOX_MODELS": "b", "CORO_OPENAI_MISTRAL_MODELS": "m"}
    for name in replies:

        async def handle(request, name=name):
            return replies[name]

        address = await stack.enter_async_context(serve_http(handle))
        environ[f"CORO_OPENAI_{name.upper()}_BASE_URL"] = f"{address}/v1"
        environ[f"CORO_OPENAI_{name.upper()}_API_KEY"] = "k"
    plugin = OpenAIPlugin()
    await stack.enter_async_context(plugin.coro_lifespan({**environ, **more}))
    return plugin, replies


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


REJECTED_KEY, DOWN = HttpReply(b"", 401), HttpReply(b"", 500)


@pytest.mark.parametrize(
    ("first", "second", "served"),
    [
        (listing("b", "c"), listing("m"), {"box/b", "box/c", "mistral/m"}),
        (listing("b"), DOWN, {"box/b", "mistral/m"}),
        (listing("c"), REJECTED_KEY, {"box/c"}),
        (REJECTED_KEY, DOWN, "upstream_error"),
        (DOWN, DOWN, "upstream_error"),
        (REJECTED_KEY, REJECTED_KEY, "authentication_failed"),
    ],
)
async def test_the_list_holds_the_models_of_all_services(stack, first, second, served):
    plugin, _ = await open_two(stack, first, second)
    if isinstance(served, str):
        assert (await error_of(plugin.coro_live_models())).code == served
    else:
        assert set(await plugin.coro_live_models()) == served


async def test_a_rejected_key_is_reported_for_its_service_until_a_call_succeeds(stack, request_for):
    plugin, replies = await open_two(stack, listing("b"), REJECTED_KEY)
    await plugin.coro_live_models()
    services = plugin.coro_services()
    assert services["box"].reason is None
    assert services["mistral"].configured
    assert services["mistral"].reason == (
        "Mistral refused the API key. Check CORO_OPENAI_MISTRAL_API_KEY, or get one at"
        " https://console.mistral.ai/api-keys."
    )
    replies["mistral"] = HttpReply(completion())
    await plugin.coro_generate(request_for("mistral/m"))
    assert plugin.coro_services()["mistral"].reason is None


async def test_the_record_of_a_rejected_key_keeps_no_prompt_in_memory(stack, request_for):
    plugin, _ = await open_two(stack, REJECTED_KEY, REJECTED_KEY)
    prompt = "kept by nobody"
    with suppress(ProviderError):
        await plugin.coro_generate(request_for("box/b", prompt=prompt))
    assert plugin.coro_services()["box"].reason
    gc.collect()
    requests = [it for it in gc.get_objects() if type(it) is GenerateRequest]
    assert not [it for it in requests if it.prompt == prompt]


async def test_an_unusable_service_leaves_the_other_services_working(stack, request_for):
    plugin, _ = await open_two(
        stack, HttpReply(completion()), REJECTED_KEY, CORO_OPENAI_MISTRAL_BASE_URL="mistral"
    )
    assert (await plugin.coro_generate(request_for("box/b"))).text == "4"
    raised = await error_of(plugin.coro_generate(request_for("mistral/m")))
    assert raised.code == "not_configured"
    assert "CORO_OPENAI_MISTRAL_BASE_URL is not an http" in str(raised)
    assert not plugin.coro_services()["mistral"].configured


@pytest.mark.parametrize("name", ["nobody/m", "m", "box/", "/m", ""])
async def test_a_name_without_a_configured_service_is_unavailable(stack, request_for, name):
    plugin, _ = await open_two(stack, REJECTED_KEY, REJECTED_KEY)
    raised = await error_of(plugin.coro_generate(request_for(name)))
    assert raised.code == "model_unavailable"
