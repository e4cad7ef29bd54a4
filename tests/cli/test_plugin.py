"""`coro plugin check`: its output and its exit code."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from coro_core.testing.conformance.catalogue import CHECKS
from support.paths import TESTS
from support.plugins import Installer
from support.server import Process

PLUGINS = {
    "honest": """
from support.conformance.acme import Acme
class Plugin(Acme):
    coro_exceptions = {"temperature": "Acme [always] takes 1.", "live-models": "It has no list."}
    coro_live_models = None
    def body(self, request):
        return {**super().body(request), "temperature": 1.0}
""",
    "blocking": """
import asyncio, http.client, json, socket
from coro_core import ConnectionFailed, InvalidResponse
from coro_core.kit.http import read_completion
from support.conformance.acme import Acme
from urllib.parse import urlsplit
class Plugin(Acme):
    async def post(self, body):
        parts = urlsplit(str(self.client.base_url))
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        try:
            connection.request("POST", "/chat", json.dumps(body), {"Authorization": "Bearer k"})
            reply = connection.getresponse()
            return type("Reply", (), {
                "status_code": reply.status, "headers": reply.headers, "content": reply.read()})
        finally:
            connection.close()
""",
    "broken": "import a_module_that_is_not_there",
    "choosy": """
from coro_core import NotConfigured
from support.conformance.acme import Acme
class Plugin(Acme):
    def address(self, environ):
        if environ.get("ACME_SDK") != "new":
            raise NotConfigured("ACME_SDK", help="set it to new")
        return super().address(environ)
""",
}


@pytest.fixture
def environ(install: Installer) -> dict[str, str]:
    for name, source in PLUGINS.items():
        install.add_source(name, source)
    return {"PYTHONPATH": f"{install.directory}:{TESTS}", "COLUMNS": "120"}


def check(*arguments: str, cwd: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    with Process("plugin", "check", *arguments, cwd=cwd, environ=environ) as process:
        return process.wait(), process.output


def test_the_table_has_a_line_for_every_check_and_shows_the_exceptions(
    environ: dict[str, str], tmp_path: Path
) -> None:
    code, output = check("honest", cwd=tmp_path, environ=environ)
    assert code == 0
    lines = output.splitlines()
    assert lines[0].split() == ["check", "verdict", "detail"]
    assert {line.split()[0] for line in lines[1:-2] if not line.startswith(" ")} == set(CHECKS)
    rows = [" ".join(line.split()) for line in lines]
    assert "temperature waived Acme [always] takes 1." in rows
    assert "live-models waived It has no list." in rows
    assert "live-models-refused not run It depends on live-models: waived." in rows
    assert f"{len(CHECKS) - 3} passed, 2 waived, 1 not run; import " in lines[-1]


def test_json_has_the_same_results(environ: dict[str, str], tmp_path: Path) -> None:
    code, output = check("honest", "--json", cwd=tmp_path, environ=environ)
    assert code == 0
    report = json.loads(output)
    assert (report["plugin"], report["distribution"], report["version"], report["passed"]) == (
        "honest",
        "coro-honest",
        "1.0",
        True,
    )
    assert [found["name"] for found in report["checks"]] == list(CHECKS)
    assert report["checks"][0].keys() == {"name", "promise", "verdict", "detail", "seconds"}
    assert report["costs"]["import_seconds"] > 0


def test_a_setting_is_added_to_those_of_the_simulator(
    environ: dict[str, str], tmp_path: Path
) -> None:
    assert check("choosy", cwd=tmp_path, environ=environ)[0] == 1
    code, output = check("choosy", "--set", "ACME_SDK=new", cwd=tmp_path, environ=environ)
    assert code == 0, output


def test_a_plugin_that_blocks_the_event_loop_fails_and_the_check_ends(
    environ: dict[str, str], tmp_path: Path
) -> None:
    code, output = check("blocking", cwd=tmp_path, environ=environ)
    assert code == 1
    rows = [" ".join(line.split()) for line in output.splitlines()]
    assert any(row.startswith("calls-are-async failed A call blocks the event") for row in rows)
    assert "concurrent not run It depends on calls-are-async: failed." in rows


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nobody", "coro: no plugin nobody is installed; installed: "),
        ("broken", "coro: source_broken:Plugin cannot be loaded: ModuleNotFoundError: "),
    ],
)
def test_a_plugin_that_cannot_be_checked_is_one_line_and_exit_code_2(
    name: str, expected: str, environ: dict[str, str], tmp_path: Path
) -> None:
    code, output = check(name, cwd=tmp_path, environ=environ)
    assert code == 2
    assert output.startswith(expected)
    assert output.count("\n") == 1
