"""One browser for all tests here, and servers for it to visit."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from support.browser import Visit, chromium
from support.paths import TESTS
from support.plugins import Installer
from support.server import Process

BROWSER_PLUGIN = Path(__file__).with_name("browser_plugin.py").read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this directory in one event loop, for their one browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one Chromium of the run."""
    async with chromium() as browser:
        yield browser


@pytest.fixture
def scheme() -> str:
    """Light or dark, as the visitor's system says."""
    return "light"


@pytest.fixture
def viewport() -> tuple[int, int]:
    """Width and height of the visitor's window."""
    return 1280, 900


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(
    browser: Browser, scheme: str, viewport: tuple[int, int]
) -> AsyncIterator["Visitor"]:
    """A visitor who opens pages; each page must keep the rules until the end of the test."""
    visitor = Visitor(browser, scheme, viewport)
    yield visitor
    await visitor.leave()


class Visitor:
    """Opens pages, each with a profile of its own."""

    def __init__(self, browser: Browser, scheme: str, viewport: tuple[int, int]) -> None:
        self._browser = browser
        self._scheme = scheme
        self._viewport = viewport
        self._visits: list[Visit] = []

    async def at(self, address: str, fragment: str = "") -> Visit:
        """Visit the page at an address, and wait until its models are shown."""
        visit = await self.before(address)
        await visit.open(fragment)
        return visit

    async def before(self, address: str) -> Visit:
        """Return a visit that has not begun, for the test to prepare."""
        width, height = self._viewport
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=self._scheme,  # type: ignore[arg-type]
            permissions=["clipboard-read", "clipboard-write"],
        )
        visit = Visit(await context.new_page(), address)
        self._visits.append(visit)
        return visit

    async def leave(self) -> None:
        """Close every page, and judge it."""
        for visit in self._visits:
            await visit.page.context.close()
        for visit in self._visits:
            visit.check()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `coro serve --demo`."""
    cwd = tmp_path_factory.mktemp("demo")
    with Process("serve", "--demo", "--port", "0", cwd=cwd, environ={}) as process:
        yield process.address()


@contextmanager
def browser_app(cwd: Path, **settings: str) -> Iterator[Process]:
    """Serve the models of browser_plugin.py, and five others that lack a key."""
    installer = Installer(cwd)
    installer.add_source("scripted", BROWSER_PLUGIN)
    environ = {
        "PYTHONPATH": f"{cwd}:{TESTS}",
        "CORO_TIMEOUT": "50",
        **settings,
    }
    with Process("serve", "--port", "0", cwd=cwd, environ=environ) as process:
        process.address()
        yield process


@pytest.fixture
def settings() -> dict[str, str]:
    """Additional settings of the app."""
    return {}


@pytest.fixture
def app(tmp_path: Path, settings: dict[str, str]) -> Iterator[Process]:
    """A server with scripted models, for this test alone."""
    with browser_app(tmp_path, **settings) as process:
        yield process


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of such a server, shared by tests that change no state of its models."""
    with browser_app(tmp_path_factory.mktemp("script")) as process:
        yield process.address()
