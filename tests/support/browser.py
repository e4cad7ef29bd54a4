"""A real Chromium, and a page that must keep the rules of every visit."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

PATIENCE_MS = 30_000
"""Timeout for events that are certain to come; no test measures it."""

expect.set_options(timeout=PATIENCE_MS)


def chromium_path() -> str:
    """Return where the system's Chromium is; skip without one, but fail where `CI` is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    why = "there is no Chromium on this machine (Debian: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the system's Chromium, without a window."""
    path = chromium_path()
    async with async_playwright() as playwright:
        # As root, as in a container, its sandbox cannot be set up.
        sandbox = os.getuid() != 0
        browser = await playwright.chromium.launch(executable_path=path, chromium_sandbox=sandbox)
        try:
            yield browser
        finally:
            await browser.close()


class Visit:
    """One visitor's page: what it shows, and a record of what it must not do."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.faults: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._watch(request.url))

    async def open(self, fragment: str = "") -> None:
        """Load the page, and wait until the models are shown."""
        await self.page.goto(f"{self.address}/{fragment}")
        await expect(self.page.locator(".chip input").first).to_be_attached()

    async def ask(self, prompt: str, *models: str) -> None:
        """Ask with the keyboard; these models alone, if any are named."""
        if models:
            await self.choose(*models)
        await self.page.fill("#prompt", prompt)
        await self.page.keyboard.press("Control+Enter")

    async def choose(self, *models: str) -> None:
        """Choose these models and no other."""
        await self.page.click("#none")
        for model in models:
            await self.page.locator(f'.chip:has(input[value="{model}"])').click()

    def card(self, model: str) -> Locator:
        """Return a model's card."""
        return self.page.locator(f'.card[data-model="{model}"]')

    async def wait_for(self, model: str, state: str) -> Locator:
        """Wait until a card is in this state, and return it."""
        await expect(self.card(model)).to_have_attribute("data-state", state)
        return self.card(model)

    async def all_done(self) -> None:
        """Wait until no model's call is in flight."""
        await expect(self.page.locator(".card")).not_to_have_count(0)
        await expect(self.page.locator('.card[data-state="waiting"]')).to_have_count(0)

    async def clipboard(self) -> str:
        """Return what is on the clipboard."""
        return str(await self.page.evaluate("() => navigator.clipboard.readText()"))

    async def evaluate(self, expression: str, argument: object = None) -> Any:
        """Return what a function says inside of the page."""
        return await self.page.evaluate(expression, argument)

    def check(self) -> None:
        """Fail if anything was blocked or broken, or went to another origin."""
        assert not self.faults
        assert not self.elsewhere

    def _listen(self, message: ConsoleMessage) -> None:
        # The browser reports each reply that is no success, which errors are.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            self.faults.append(message.text)

    def _watch(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.address and parts.scheme != "data":
            self.elsewhere.append(url)
