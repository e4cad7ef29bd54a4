"""Files that pages are made of, served from the application itself.

Nothing is loaded from a third party: pages work offline, and nobody else's script runs on them.
"""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"


class Assets(StaticFiles):
    """A directory of files; browsers keep them, and ask each time whether they still hold.

    They hold across restarts and end with an upgrade, so no version is needed in any address.
    """

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, or that the browser's copy holds."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response
