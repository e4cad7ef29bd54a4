"""Anything at all: whatever is sent, the answer is one of ours."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.problems import JSON, checked

pytestmark = pytest.mark.asyncio(loop_scope="module")


ANY_TEXT = st.text(st.characters(codec=None), max_size=12)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
MODEL = st.sampled_from(["a", "b", "bad", "locked", "no-such", "answering:x", "keyless:x"])
ANY_REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "prompt": ANY_TEXT | ANY_JSON,
        "models": st.lists(MODEL | ANY_TEXT, max_size=4) | ANY_JSON,
        "temperature": st.floats() | st.floats(0, 1) | ANY_JSON,
        "max_tokens": st.integers() | st.integers(1, 8192) | ANY_JSON,
        "timeout": st.floats(0.5, 60) | ANY_JSON,
    },
)
LIKELY_REQUEST = st.fixed_dictionaries(
    {"prompt": ANY_TEXT, "models": st.lists(MODEL | ANY_TEXT, min_size=1, max_size=4)},
    optional={"temperature": st.floats(0, 1), "max_tokens": st.integers(1, 8192)},
)

many = settings(max_examples=150, derandomize=True, deadline=None, database=None)


async def is_answered(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    response = await client.post(path, content=body, headers={"Content-Type": JSON})
    reply = json.loads(response.content.decode(), parse_constant=pytest.fail)
    if response.headers["content-type"] == JSON:
        assert response.status_code in (200, 500, 503)
        if path == "/chat":
            assert reply["succeeded"] + reply["failed"] == len(reply["responses"]) > 0
            assert (response.status_code == 200) is (reply["succeeded"] > 0)
    else:
        checked(response, 404, 413, 422)


@many
@given(body=st.binary(max_size=200))
async def test_any_bytes_are_answered(client: httpx.AsyncClient, body: bytes) -> None:
    await is_answered(client, "/chat", body)


@many
@given(value=ANY_JSON)
async def test_any_json_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(client, "/chat", json.dumps(value).encode())


@many
@given(value=ANY_REQUEST)
async def test_anything_like_a_request_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(client, "/chat", json.dumps(value).encode())


@many
@given(value=LIKELY_REQUEST)
async def test_any_text_and_any_id_is_answered(client: httpx.AsyncClient, value: Any) -> None:
    await is_answered(
        client, "/chat", json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


@many
@given(model_id=st.text(st.characters(codec="utf-8"), max_size=20))
async def test_any_id_in_a_path_is_answered(client: httpx.AsyncClient, model_id: str) -> None:
    path = "/chat/" + "".join(f"%{byte:02x}" for byte in model_id.encode())
    await is_answered(client, path, b'{"prompt": "Hello"}')
