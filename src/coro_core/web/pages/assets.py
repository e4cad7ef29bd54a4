"""Static files of the pages, served by the application itself.

Nothing is loaded from third parties: pages work offline and run no third-party script.
"""

import os
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)


class Page(HTMLResponse):
    """A page under a content-security policy: no inline code, no other origin, no frame around it.

    `directives` are added to the policy.
    """

    def __init__(self, text: str, *directives: str) -> None:
        headers = {
            "Content-Security-Policy": "; ".join((*_POLICY, *directives)),
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        super().__init__(text, headers=headers)


class Assets(StaticFiles):
    """A directory of files. Browsers cache them and revalidate each one at every use.

    A file stays valid across restarts and changes with an upgrade, so addresses need no version.
    """

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, or a 304 if the browser's copy is current."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response
