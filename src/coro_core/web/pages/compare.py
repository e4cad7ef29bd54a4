"""The compare page at `/`: static files, a client of the API like any other.

It asks each model with a `POST /chat/{model_id}` of its own. What it must know beforehand (the
limits, whether answers are simulated) is written into the page; the API does not know of it.
"""

from functools import cache
from string import Template

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

from coro_core.config.settings import Settings
from coro_core.web.pages.assets import STATIC, Assets

_DIRECTORY = STATIC / "ui"
_HEADERS = {
    # What a model says is shown and can never run: no inline script or style, nothing from
    # elsewhere, and no text becomes markup but through the sanitiser's own policy.
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
