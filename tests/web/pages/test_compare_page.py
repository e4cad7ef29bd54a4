"""The compare page as the server serves it; tests/browser looks at it in a browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import coro_core
from support.server import running

STATIC = Path(coro_core.__file__).parent / "web" / "pages" / "static"
OWN_FILES = sorted(
    path
    for directory in (STATIC, STATIC / "ui", STATIC / "docs")
    for path in directory.iterdir()
    if path.suffix in (".js", ".css", ".html")
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running({"CORO_MAX_TOKENS": "99", "CORO_TIMEOUT": "2.5"}) as client:
        yield client


async def test_the_page_knows_the_limits(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    reported = dict(re.findall(r' data-([a-z-]+)="([^"]*)"', page.text))
    assert reported == {
        "demo": "false",
        "max-prompt-chars": "100000",
        "max-tokens": "99",
        "timeout": "2.5",
    }


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_allows_nothing_inline_nothing_from_elsewhere_and_no_frame(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await client.get(path)
    policy = dict(
        directive.split(" ", 1) for directive in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text)


async def test_a_models_text_becomes_markup_only_through_the_sanitizer(
    client: httpx.AsyncClient,
) -> None:
    policy = (await client.get("/")).headers["content-security-policy"].split("; ")
    assert {"require-trusted-types-for 'script'", "trusted-types dompurify"} <= set(policy)


async def test_no_html_is_served_without_a_policy(client: httpx.AsyncClient) -> None:
    paths = ["/", "/docs", "/ui", "/ui/", "/ui/index.html", "/docs/", "/docs/page/", "/no-such"]
    for directory, mounts in (
        ("ui", ["ui"]),
        ("docs", ["docs/page"]),
        ("swagger-ui-5.35.0", ["docs/assets"]),
        ("", ["ui/..", "ui", "docs/page", "docs/assets"]),
    ):
        files = (STATIC / directory).rglob("*") if directory else STATIC.glob("*.html")
        paths += [f"/{m}/{path.relative_to(STATIC / directory)}" for path in files for m in mounts]
    for path in paths:
        reply = await client.get(path)
        if "html" in reply.headers.get("content-type", ""):
            assert "content-security-policy" in reply.headers, path


async def test_every_file_of_the_page_is_there_and_is_kept_by_the_browser(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/")
    addresses = set(re.findall(r'(?:src|href)="(ui/[^"]+)"', page.text))
    assert addresses >= {"ui/main.js", "ui/base.css"}
    for path in (STATIC / "ui").rglob("*.*js"):
        addresses.add("ui/" + path.relative_to(STATIC / "ui").as_posix())
    kinds = {"js": "text/javascript", "mjs": "text/javascript", "css": "text/css", "svg": "image/"}
    for address in sorted(addresses):
        served = await client.get(f"/{address}")
        assert served.status_code == 200, address
        assert served.headers["content-type"].startswith(kinds[address.rpartition(".")[2]])
        assert served.headers["cache-control"] == "no-cache"
        again = await client.get(f"/{address}", headers={"If-None-Match": served.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("value", ["off", "false", "0"])
async def test_the_page_can_be_switched_off_and_the_api_stays(value: str) -> None:
    async with running({"CORO_UI": value, "CORO_DEMO": "true"}) as client:
        home = await client.get("/", headers={"Host": "evil.example"})
        assert (home.status_code, home.headers["location"]) == (307, "/docs")
        assert (await client.get("/ui/main.js")).status_code == 404
        assert (await client.get("/docs")).status_code == 200
        assert (await client.post("/chat/gemini", json={"prompt": "2+2"})).status_code == 200


def test_every_library_is_vendored_with_its_version_and_licence() -> None:
    vendored = sorted(path.name for path in (STATIC / "ui" / "vendor").iterdir())
    assert vendored == ["diff-9.0.0", "dompurify-3.4.18", "marked-18.2.1"]
    for name in vendored:
        assert (STATIC / "ui" / "vendor" / name / "LICENSE").stat().st_size > 500
        assert name in (STATIC / "ui" / "libraries.js").read_text()


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: path.name)
def test_the_source_of_the_page_is_small_and_never_parses_markup(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 250
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "srcdoc",
    ):
        assert sink not in source
    assert not re.search(r"https?://(?!www\.w3\.org)[a-z]", source)
