"""Headers: the id of each request, and what every reply says to browsers."""

from typing import Any

import httpx
import pytest

from support.api import OUR_ID, PROBLEM, has_shape
from support.plugins import NO_REAL_PLUGINS, Echo, Installer
from support.server import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- X-Request-ID


@pytest.mark.parametrize(
    "given", ["a", "0", "A.b_c-9", "x" * 64, "3e4666bf-d5e5-4aa7-b8ce-cefe41c7568a", "..", "-"]
)
async def test_a_harmless_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    response = await client.post(
        "/chat", json={"prompt": "Hello", "models": ["a"]}, headers={"X-Request-ID": given}
    )
    assert response.headers.get_list("x-request-id") == [given]
    assert response.json()["request_id"] == given
    problem = await client.get("/no-such", headers={"X-Request-ID": given})
    assert problem.headers["x-request-id"] == problem.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"x" * 65,
        b"x" * 10_000,
        b"a b",
        b"a\tb",
        b"a/b",
        b"a:b",
        b"a,b",
        b"<script>",
        b"caf\xc3\xa9",
        b"\xe2\x80\xa8",
        b"\xff",
        b'{"a":1}',
    ],
    ids=lambda given: ascii(given)[:24],
)
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, given: bytes) -> None:
    response = await client.get("/no-such", headers=[(b"X-Request-ID", given)])
    assert response.status_code == 404
    assert OUR_ID.fullmatch(response.headers["x-request-id"])
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_every_request_gets_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


# --- headers that every reply has


REPLIES = [
    ("GET", "/health", None, 200),
    ("HEAD", "/health", None, 200),
    ("HEAD", "/models", None, 200),
    ("HEAD", "/plugins", None, 200),
    ("HEAD", "/openapi.json", None, 200),
    ("HEAD", "/docs", None, 200),
    ("HEAD", "/", None, 200),
    ("GET", "/models", None, 200),
    ("GET", "/plugins", None, 200),
    ("GET", "/openapi.json", None, 200),
    ("GET", "/docs", None, 200),
    ("GET", "/docs/assets/swagger-ui.css", None, 200),
    ("GET", "/", None, 200),
    ("GET", "/ui/main.js", None, 200),
    ("GET", "/no-such", None, 404),
    ("GET", "/docs/assets/no-such.js", None, 404),
    ("GET", "/docs/assets/..%2f..%2fapp.py", None, 404),
    ("GET", "/docs/assets/%00", None, 404),
    ("GET", f"/docs/assets/{'x' * 3000}", None, 404),
    ("GET", "/chat", None, 405),
    ("PUT", "/chat", None, 405),
    ("DELETE", "/models", None, 405),
    ("POST", "/health", None, 405),
    ("POST", "/chat", {"prompt": "Hello", "models": ["a"]}, 200),
    ("POST", "/chat", {"prompt": "Hello", "models": ["refused"]}, 500),
    ("POST", "/chat", {"prompt": "Hello", "models": ["locked"]}, 503),
    ("POST", "/chat", {"prompt": "Hello", "models": ["no-such"]}, 422),
    ("POST", "/chat", {}, 422),
    ("POST", "/chat", {"prompt": "x" * 2_000_000}, 413),
    ("POST", "/chat/a", {"prompt": "Hello"}, 200),
    ("POST", "/chat/refused", {"prompt": "Hello"}, 500),
    ("POST", "/chat/locked", {"prompt": "Hello"}, 503),
    ("POST", "/chat/no-such", {"prompt": "Hello"}, 404),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    REPLIES,
    ids=[f"{method} {path[:24]} {status}" for method, path, _, status in REPLIES],
)
async def test_every_reply_may_be_read_by_any_page_without_credentials_and_is_careful(
    client: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    for more in ({}, {"Cookie": "session=1"}, {"Authorization": "Bearer x"}):
        headers = {"Origin": "https://app.example", **more}
        response = await client.request(method, path, json=body, headers=headers)
        assert response.status_code == status
        assert response.headers.get_list("access-control-allow-origin") == ["*"]
        assert "access-control-allow-credentials" not in response.headers
        exposed = response.headers["access-control-expose-headers"].lower().split(", ")
        assert sorted(exposed) == ["retry-after", "x-request-id"]
        assert OUR_ID.fullmatch(response.headers["x-request-id"])
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        kept = status == 200 and path.startswith(("/ui/", "/docs/assets/"))
        assert response.headers["cache-control"] == ("no-cache" if kept else "no-store")
        if status in (404, 405, 413, 422):
            assert response.headers["content-type"] == "application/problem+json"
            has_shape(response.json(), PROBLEM)
            assert response.json()["status"] == status
        if status == 405:
            assert method not in response.headers["allow"]


@pytest.mark.parametrize("path", ["/chat", "/chat/a", "/models", "/health", "/no-such"])
@pytest.mark.parametrize("more", [{}, {"Cookie": "session=1"}], ids=["plain", "cookie"])
async def test_a_preflight_is_answered_for_every_origin_without_credentials(
    client: httpx.AsyncClient, path: str, more: dict[str, str]
) -> None:
    response = await client.options(
        path,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-request-id",
            **more,
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-headers"] == "content-type, x-request-id"
    assert "access-control-allow-credentials" not in response.headers


async def test_the_origins_can_be_named(install: Installer) -> None:
    install.add("echo", Echo)
    origins = "https://app.example, http://localhost:3000"
    async with running({**NO_REAL_PLUGINS, "CORO_CORS_ORIGINS": origins}) as client:
        for origin, allowed in [
            ("https://app.example", "https://app.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://app.example.evil.example", None),
            ("http://app.example", None),
            ("null", None),
        ]:
            for path in ("/health", "/no-such"):
                response = await client.get(path, headers={"Origin": origin, "Cookie": "a=1"})
                assert response.headers.get("access-control-allow-origin") == allowed
                assert "access-control-allow-credentials" not in response.headers
                assert "origin" in response.headers["vary"].lower()
