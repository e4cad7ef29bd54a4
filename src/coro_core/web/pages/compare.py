"""The compare page at `/`: static files, and a client of the API like any other.

The page sends one `POST /chat/{model_id}` per model. The limits and the demo flag are written into
the page; the API does not know the page.
"""

from functools import cache
from string import Template

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

from coro_core.config.settings import Settings
from coro_core.web.pages.assets import STATIC, Assets

_DIRECTORY = STATIC / "ui"
_HEADERS = {
    # A model's text is shown and never runs: no inline script or style, no other origin, and text
    # becomes markup only through the sanitizer's policy.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def install(app: FastAPI, settings: Settings) -> None:
    """Add the page to `app`; without it, `/` leads to `/docs`."""
    if not settings.ui:

        @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
        async def leave() -> RedirectResponse:
            return RedirectResponse("/docs")

        return

    @cache
    def page() -> str:
        return Template((_DIRECTORY / "index.html").read_text("utf-8")).substitute(
            demo=str(settings.demo).lower(),
            max_prompt_chars=settings.max_prompt_chars,
            max_tokens=settings.max_tokens,
            timeout=f"{settings.timeout:g}",
        )

    app.mount("/ui", Assets(directory=_DIRECTORY))

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def home() -> HTMLResponse:
        return HTMLResponse(page(), headers=_HEADERS)
