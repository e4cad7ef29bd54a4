"""Take the pictures of the compare page that the README shows: `make screenshots`.

They are of the demo, in the system's Chromium (Debian: apt-get install chromium fonts-inter), and
are written to `docs/images`. Look at them before they are committed.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from support.browser import Visit, chromium
from support.server import Process

IMAGES = Path(__file__).parents[1] / "docs" / "images"
MOST_BYTES = 300_000
PROMPT = "What is 17 \u00d7 23?"
FAILING = ("--fail", "gemini=rate_limited", "--fail", "deepseek=overloaded")
WINDOW = (1440, 1420)
PHONE = (390, 844)


async def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        with serving() as server:
            await take(browser, server.address(), "desktop", WINDOW, "light")
            await take(browser, server.address(), "dark", WINDOW, "dark")
            await take(browser, server.address(), "phone", PHONE, "light")
        with serving(*FAILING) as server:
            await take(browser, server.address(), "errors", WINDOW, "light")


def serving(*arguments: str) -> Process:
    """Start the demo."""
    cwd = Path(tempfile.mkdtemp())
    return Process("serve", "--demo", "--port", "0", *arguments, cwd=cwd, environ={})


async def take(
    browser: Browser, address: str, name: str, size: tuple[int, int], scheme: str
) -> None:
    """Ask, wait for every answer, and take the picture; exit if it is too large a file."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if size == PHONE else 1,
        reduced_motion="reduce",
    )
    visit = Visit(await context.new_page(), address)
    await visit.open()
    await visit.ask(PROMPT)
    await visit.all_done()
    await visit.evaluate("() => document.activeElement.blur()")
    # On a phone the answers are further down.
    first = "#results" if size == PHONE else "body"
    await visit.evaluate("(it) => document.querySelector(it).scrollIntoView()", first)
    path = IMAGES / f"{name}.png"
    await visit.page.screenshot(path=path)
    await context.close()
    visit.check()
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    asyncio.run(main())
