"""Two servers to try the generated clients on."""

from collections.abc import Iterator

import pytest

from support.server import Process
from support.tools import require_tools


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    require_tools()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the demo, with one provider rate limited, and yield its address."""
    arguments = ("serve", "--demo", "--port", "0", "--fail", "groq=rate_limited")
    with Process(*arguments, cwd=tmp_path_factory.mktemp("demo"), environ={}) as server:
        yield server.address()


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve without any key, and yield the address."""
    cwd = tmp_path_factory.mktemp("keyless")
    with Process("serve", "--port", "0", cwd=cwd, environ={}) as server:
        yield server.address()
