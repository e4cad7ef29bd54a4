"""POST /chat/{model_id}: one model, one row; and what a plugin says that the wire cannot carry."""

from typing import Any

import httpx
import pytest

from coro_core import GenerateRequest, Generation, RateLimited
from coro_core.contract import errors
from support.api import PROBLEM, ROW, Scripted, has_shape
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import ask, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("model_id", "status"),
    [("a", 200), ("scripted:x/y:z", 200), ("refused", 500), ("locked", 503), ("keyless:x", 503)],
)
async def test_a_single_model_is_answered_with_its_row(
    client: httpx.AsyncClient, model_id: str, status: int
) -> None:
    response = await client.post(f"/chat/{model_id}", json={"prompt": "Hello"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    has_shape(response.json(), ROW)
    assert response.json()["model"] == model_id


@pytest.mark.parametrize("model_id", ["no-such", "", "A", "nobody:x", "a/b", "a%00", "%f0%9f"])
async def test_a_single_model_that_does_not_exist_is_a_problem(
    client: httpx.AsyncClient, model_id: str
) -> None:
    response = await client.post(f"/chat/{model_id}", json={"prompt": "Hello"})
    assert response.status_code == 404
    has_shape(response.json(), PROBLEM)
    assert response.json()["type"] == "urn:coro:problem:unknown-model"
    assert "no-such" not in response.text


async def test_a_single_model_takes_the_same_fields_but_for_models(
    client: httpx.AsyncClient,
) -> None:
    body = {"prompt": "Hello", "temperature": 0.25, "max_tokens": 7, "timeout": 3.0}
    assert (await client.post("/chat/a", json=body)).status_code == 200
    request = Scripted.seen[-1]
    assert (request.temperature, request.max_tokens) == (0.25, 7)
    refused = await client.post("/chat/a", json={**body, "models": ["a"]})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"field": "models", "message": "there is no such field"}]


async def test_the_name_of_a_single_model_has_a_longest_length_as_in_a_list(
    client: httpx.AsyncClient,
) -> None:
    longest = "scripted:" + "x" * 191
    assert (await client.post(f"/chat/{longest}", json={"prompt": "Hello"})).status_code == 200
    assert (await ask(client, longest)).status_code == 200
    refused = await client.post(f"/chat/{longest}x", json={"prompt": "Hello"})
    assert (refused.status_code, (await ask(client, f"{longest}x")).status_code) == (422, 422)
    assert refused.json()["errors"][0]["field"] == "model_id"


# --- what a plugin says reaches the wire only as what the wire can carry


class Careless(Echo):
    models = tuple(model(name) for name in ("text", "nan", "huge", "half", "long", "nameless"))

    async def generate(self, request: GenerateRequest) -> Any:
        error: errors.ProviderError = errors.Overloaded(retryable=False)
        match request.model.removesuffix("-upstream"):
            case "text":
                error.retry_after = "17"  # type: ignore[assignment]
            case "nan":
                error.retry_after = float("nan")
            case "huge":
                error = RateLimited(retry_after=10**400)
            case "half":
                error = errors.BadRequest("half \ud83d")
            case "long":
                error = errors.BadRequest("x" * 10_000)
            case "nameless":
                return Generation(text="hm", model="")
        raise error


async def test_a_careless_error_costs_its_own_row(install: Installer) -> None:
    install.add("careless", Careless)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "echo", *(offered.id for offered in Careless.models))
        assert response.status_code == 200
        rows = {row["model"]: row for row in response.json()["responses"]}
        assert rows["echo"]["response"] == "Hello"
        assert rows["text"]["error_code"] == "plugin_fault"
        assert (rows["nan"]["error_code"], rows["nan"]["retry_after_s"]) == ("overloaded", None)
        assert rows["huge"]["retry_after_s"] == 86_400
        assert rows["half"]["error"] == "Acme refused the request for half-upstream. half \ufffd"
        assert len(rows["long"]["error"]) == 500
        assert rows["nameless"]["upstream_model"] == "nameless-upstream"
        assert rows["nameless"]["substituted"] is False
        failed = await ask(client, "nan", "text")
    assert (failed.status_code, failed.headers.get("retry-after")) == (500, None)
