"""Base URLs as other programs want them, with a path too many or too few: over real sockets."""

import json

import pytest

from coro_core.cli.check import run_check
from coro_core.engine.engine import build_engine
from coro_core.testing import HttpReply, HttpRequest, json_reply, serve_http

ANSWER = {"message": {"content": "4"}, "finish_reason": "stop"}
GEMINI_ANSWER = {"content": {"parts": [{"text": "4"}], "role": "model"}, "finishReason": "STOP"}
GEMINI_MODEL = {"name": "models/x", "supportedGenerationMethods": ["generateContent"]}
PLUGINS = {"deepseek", "gemini", "groq", "openai"}


class Server:
    """A server that knows these paths only: a list for GET, an answer for POST."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    async def __call__(self, request: HttpRequest) -> HttpReply:
        if request.path.partition("?")[0] not in self._paths:
            return HttpReply(b"no such route", 404)
        if request.method == "GET":
            names = {"data": [{"id": "x"}], "models": [GEMINI_MODEL]}
            return json_reply(names)
        json.loads(request.body)
        return json_reply({"choices": [ANSWER], "candidates": [GEMINI_ANSWER]})


PLAIN = ("/v1/models", "/v1/chat/completions")
GROQ = ("/openai/v1/models", "/openai/v1/chat/completions")
GEMINI = ("/gate/v1beta/models", "/gate/v1beta/models/x:generateContent")


@pytest.mark.parametrize(
    ("plugin", "model", "path", "served"),
    [
        ("deepseek", "deepseek", "", PLAIN),
        ("deepseek", "deepseek", "/v1", PLAIN),
        ("deepseek", "deepseek", "", ("/models", "/v1/chat/completions")),
        ("deepseek", "deepseek", "/v1", ("/models", "/v1/chat/completions")),
        ("groq", "llama-8b", "", GROQ),
        ("groq", "llama-8b", "/v1", GROQ),
        ("groq", "llama-8b", "/openai/v1", GROQ),
        ("gemini", "gemini", "/gate", GEMINI),
        ("gemini", "gemini", "/gate/v1beta", GEMINI),
    ],
)
@pytest.mark.parametrize("generate", [False, True])
async def test_a_base_url_suits_the_chat_and_the_list(
    plugin: str, model: str, path: str, served: tuple[str, ...], generate: bool
) -> None:
    variable = model.upper().replace("-", "_")
    async with serve_http(Server(*served)) as address:
        engine = build_engine(
            {
                "CORO_DISABLED_PLUGINS": ",".join(PLUGINS - {plugin}),
                "CORO_DISCOVERY_INTERVAL": "0",
                f"CORO_UPSTREAM_{variable}": "x",
                f"{plugin.upper()}_BASE_URL": address + path,
                f"{plugin.upper()}_API_KEY": "a-key",
                "GEMINI_SDK": "google-genai",
            }
        )
        async with engine.started():
            report = await run_check(engine, [model], generate=generate)
    assert [(it.key, it.served) for it in report.providers] == [("accepted", 1)], report
    assert report.usable, report


async def test_a_candidate_of_gemini_may_have_the_prefix_of_its_list() -> None:
    async with serve_http(Server(*GEMINI)) as address:
        engine = build_engine(
            {
                "CORO_DISABLED_PLUGINS": "deepseek,groq,openai",
                "CORO_UPSTREAM_GEMINI": "models/x",
                "GEMINI_BASE_URL": f"{address}/gate",
                "GEMINI_API_KEY": "a-key",
                "GEMINI_SDK": "google-genai",
            }
        )
        async with engine.started():
            report = await run_check(engine, ["gemini"], generate=True)
    assert report.usable, report
