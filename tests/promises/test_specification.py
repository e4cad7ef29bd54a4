"""The specification's own four test cases, through the three real libraries, on real sockets."""

from pathlib import Path
from typing import Any

import pytest

from coro_core.api.schemas import ChatResponse
from support.server import running

IDS = ["gemini", "llama-70b", "llama-8b", "mixtral", "deepseek"]
OWNERS = {
    "gemini": ["gemini"],
    "groq": ["llama-70b", "llama-8b", "mixtral"],
    "deepseek": ["deepseek"],
}
SLACK_MS = 50


async def what_is_2_plus_2(environ: dict[str, str]) -> dict[str, Any]:
    async with running({"CORO_DEMO": "true", **environ}) as client:
        response = await client.post("/chat", json={"prompt": "What is 2+2?", "models": IDS})
    assert response.status_code == 200
    body = response.json()
    ChatResponse.model_validate(body)
    return dict(body)


async def test_1_all_models_work_and_2_run_in_parallel() -> None:
    body = await what_is_2_plus_2({})
    rows = body["responses"]
    assert [row["model"] for row in rows] == IDS
    for row in rows:
        assert row["error"] is None
        assert "4" in row["response"]
        assert "imulated" in row["response"]
        assert row["tokens"] > 0
        # None of the five names in the specification is served any more.
        assert row["substituted"] is True
        assert row["upstream_model"]
    latencies = [row["latency_ms"] for row in rows]
    assert abs(body["total_latency_ms"] - max(latencies)) <= SLACK_MS
    assert body["total_latency_ms"] < sum(latencies)


@pytest.mark.parametrize("broken", OWNERS)
async def test_3_an_invalid_key_of_one_provider_leaves_the_others_answering(broken: str) -> None:
    body = await what_is_2_plus_2({"CORO_DEMO_FAIL": broken})
    for row in body["responses"]:
        if row["model"] in OWNERS[broken]:
            assert row["error_code"] == "authentication_failed"
            assert row["error"]
            assert row["response"] == ""
        else:
            assert row["error"] is None
            assert "4" in row["response"]
    assert body["failed"] == len(OWNERS[broken])


async def test_4_the_description_is_published_and_the_page_is_there() -> None:
    async with running() as client:
        page = await client.get("/docs")
        description = (await client.get("/openapi.json")).json()
    assert page.status_code == 200
    assert "swagger-ui" in page.text
    assert set(description["paths"]) == {
        "/health",
        "/models",
        "/plugins",
        "/chat",
        "/chat/{model_id}",
    }


async def test_models_lists_the_five_with_the_specifications_fields() -> None:
    async with running() as client:
        models = {m["id"]: m for m in (await client.get("/models")).json()["models"]}
    assert set(models) == set(IDS)
    assert models["gemini"]["name"] == "Gemini 1.5 Flash"
    assert models["gemini"]["provider"] == "Google"
    assert models["gemini"]["cost"] == "free"
    assert {m["available"] for m in models.values()} == {False}
    assert models["gemini"]["reason"].startswith("GEMINI_API_KEY is not set; get one at")


async def test_a_plugin_that_is_not_installed_is_named_in_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of two distributions with one name, the first on the path counts; this one has no plugin.
    info = tmp_path / "coro_gemini-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coro-gemini\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    body = await what_is_2_plus_2({})
    rows = {row["model"]: row for row in body["responses"]}
    assert rows["gemini"]["error_code"] == "unknown_model"
    assert "install coro-gemini" in rows["gemini"]["error"]
    assert body["succeeded"] == 4
