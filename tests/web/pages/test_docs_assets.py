"""The files of the documentation page may be kept; nothing else may."""

from support.server import running

ASSET = "/docs/assets/swagger-ui.css"


async def test_a_browser_may_keep_the_files_and_asks_whether_they_have_changed() -> None:
    async with running() as client:
        first = await client.get(ASSET)
        assert first.headers["cache-control"] == "no-cache"
        again = await client.get(ASSET, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"
        for path in ("/docs", "/health", "/docs/assets/no-such.css"):
            assert (await client.get(path)).headers["cache-control"] == "no-store"
