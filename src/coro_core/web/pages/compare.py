"""The compare page at `/`: static files, and a client of the API like any other.

The page sends one `POST /chat/{model_id}` per model. The limits and the demo flag are written into
the page; the API does not know the page.
"""

from functools import cache
from string import Template

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from coro_core.config.settings import Settings
from coro_core.web.pages.assets import STATIC, Assets, Page

_DIRECTORY = STATIC / "ui"
_PAGE = STATIC / "compare.html"
# A model's text is shown and never runs: text becomes markup only through the sanitizer's policy.
_TRUSTED_TYPES = ("require-trusted-types-for 'script'", "trusted-types dompurify")


def install(app: FastAPI, settings: Settings) -> None:
    """Add the page to `app`; without it, `/` leads to `/docs`."""
    if not settings.ui:

        @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
        async def leave() -> RedirectResponse:
            return RedirectResponse("/docs")

        return

    @cache
    def page() -> str:
        return Template(_PAGE.read_text("utf-8")).substitute(
            demo=str(settings.demo).lower(),
            max_prompt_chars=settings.max_prompt_chars,
            max_tokens=settings.max_tokens,
            timeout=f"{settings.timeout:g}",
        )

    app.mount("/ui", Assets(directory=_DIRECTORY))

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def home() -> Page:
        return Page(page(), *_TRUSTED_TYPES)
