"""The simulated chat dialect, over a socket, with the client that plugins use."""

import asyncio

import pytest

from coro_core import ConnectionFailed
from coro_core.kit.http import open_httpx_client, read_completion, read_model_ids
from coro_core.testing import (
    Behaviour,
    ChatDialect,
    Fault,
    error_reply,
    serve_chat,
)


def refuse(code, call, behaviour):
    if code == "unknown":
        raise KeyError(code)
    return error_reply(
        429 if code == "rate_limited" else 400, {"code": code, "of": call.model}, behaviour
    )


DIALECT = ChatDialect(
    chat_path="/chat",
    models_path="/models",
    default_models={"m": 0.0, "n": 0.0},
    reply_for_error=refuse,
    headers={"x-limit": "9"},
    fields={"x_extra": {"id": 1}},
)
PROMPT = {"model": "m", "messages": [{"role": "user", "content": "What is 2+2?"}]}


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
async def client(behaviour):
    async with (
        serve_chat(behaviour, DIALECT) as address,
        open_httpx_client(address, headers={"Authorization": "Bearer k"}) as client,
    ):
        yield client


async def test_a_prompt_is_answered_in_the_dialect(client, behaviour):
    reply = await client.post("/chat", json=PROMPT)
    answer = read_completion(reply.content)
    assert "2 + 2 = 4" in answer.text
    assert (answer.model, answer.finish_reason) == ("m", "stop")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, len(answer.text.split()))
    assert reply.json()["x_extra"] == {"id": 1}
    assert reply.headers["x-limit"] == "9"
    assert [(call.path, call.model, call.body) for call in behaviour.calls] == [
        ("/chat", "m", PROMPT)
    ]
    assert behaviour.calls[0].headers["authorization"] == "Bearer k"


async def test_the_models_are_the_default_ones_or_those_of_the_script(client, behaviour):
    assert read_model_ids((await client.get("/models")).content) == {"m", "n"}
    behaviour.served = ["x"]
    assert read_model_ids((await client.get("/models")).content) == {"x"}
    assert behaviour.calls == []


@pytest.mark.parametrize("path", ["/models", "/chat"])
async def test_a_wrong_key_is_refused_everywhere(client, behaviour, path):
    behaviour.key = "another"
    reply = await (client.get(path) if path == "/models" else client.post(path, json=PROMPT))
    assert reply.json()["error"]["code"] == "authentication_failed"
    assert reply.headers["x-limit"] == "9"
    assert behaviour.calls == []


async def test_a_route_that_is_not_the_providers_is_not_found(client):
    assert (await client.post("/models")).status_code == 404
    assert (await client.get("/chat")).status_code == 404


async def test_an_error_is_sent_in_the_dialect(client, behaviour):
    behaviour.error = "overloaded"
    reply = await client.post("/chat", json=PROMPT)
    assert reply.json() == {"error": {"code": "overloaded", "of": "m"}}
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize(
    ("code", "seconds", "header"),
    [
        ("rate_limited", 7.0, "7"),
        ("rate_limited", 0.5, "0.5"),
        ("rate_limited", None, None),
        ("overloaded", 7.0, None),
    ],
)
async def test_only_a_rate_limit_carries_retry_after(client, behaviour, code, seconds, header):
    behaviour.error, behaviour.retry_after = code, seconds
    assert (await client.post("/chat", json=PROMPT)).headers.get("retry-after") == header


async def test_errors_without_a_status_of_their_own_are_sent_too(client, behaviour):
    behaviour.error = "empty_response"
    choice = (await client.post("/chat", json=PROMPT)).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "length")
    behaviour.error = "invalid_response"
    assert (await client.post("/chat", json=PROMPT)).json()["choices"] is None
    behaviour.error = "connection_failed"
    with pytest.raises(ConnectionFailed):
        await client.post("/chat", json=PROMPT)


async def test_a_fault_breaks_calls_and_not_the_list_of_models(client, behaviour):
    behaviour.fault = Fault.NOT_JSON
    assert (await client.post("/chat", json=PROMPT)).content == b"<html>oh</html>"
    assert (await client.get("/models")).status_code == 200


async def test_a_raw_reply_replaces_every_answer_and_error(client, behaviour):
    async def raw(call):
        yield b"HTTP/1.1 299 Odd\r\nconnection: close\r\n\r\n" + call.model.encode()

    behaviour.raw_reply = raw
    behaviour.error = "overloaded"
    reply = await client.post("/chat", json=PROMPT)
    assert (reply.status_code, reply.text) == (299, PROMPT["model"])
    assert len(behaviour.calls) == 1


async def test_a_call_that_the_client_cancels_is_counted(client, behaviour):
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def gate(call):
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    behaviour.gate = gate
    call = asyncio.create_task(client.post("/chat", json=PROMPT))
    await asked.wait()
    call.cancel()
    await asyncio.wait_for(given_up.wait(), 0.5)
    assert behaviour.cancelled == 1
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_an_invalid_request_of_a_plugin_is_logged(client, caplog, body):
    assert (await client.post("/chat", content=body)).status_code == 500
    assert "the simulator failed at POST /chat" in caplog.text


async def test_a_code_without_a_reply_is_logged(client, behaviour, caplog):
    behaviour.error = "unknown"
    assert (await client.post("/chat", json=PROMPT)).status_code == 500
    assert "KeyError: 'unknown'" in caplog.text
