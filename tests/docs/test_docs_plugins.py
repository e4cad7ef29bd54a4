"""docs/plugins.md holds: its signatures are the code's, its plugin keeps the contract."""

import ast
import inspect
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

import coro_core
import coro_core.kit
import coro_core.kit.http
import coro_core.testing
from coro_core.contract.errors import ProviderError
from coro_core.contract.hookspecs import HookSpecs
from support.markdown import blocks, code, page, section, table

PAGE = page("docs/plugins.md")
PLACES = (HookSpecs, coro_core, coro_core.kit, coro_core.kit.http, coro_core.testing)
FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(FILE.findall(section(PAGE, "## A whole plugin")))

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = Function | ast.ClassDef


def is_stub(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return ast.unparse(node.body[0]) == "..."
        case ast.ClassDef():
            return all(isinstance(part, ast.AnnAssign) or is_stub(part) for part in node.body)
    return False


def stubs() -> dict[str, Node]:
    found: dict[str, Node] = {}
    for block in blocks(PAGE, "python"):
        for node in ast.parse(block).body:
            if is_stub(node):
                assert isinstance(node, Node)
                assert node.name not in found
                found[node.name] = node
    return found


def original(name: str) -> Node:
    """Return the definition of a name, from wherever a plugin gets it."""
    place = next((place for place in PLACES if hasattr(place, name)), None)
    assert place is not None, f"a plugin cannot get at {name}"
    source = textwrap.dedent(inspect.getsource(getattr(place, name)))
    node = ast.parse(source).body[0]
    assert isinstance(node, Node)
    return node


def signature(node: Function) -> str:
    kept = [ast.unparse(name) for name in node.decorator_list]
    shown = [name for name in kept if name == "asynccontextmanager"]
    returned = ast.unparse(node.returns) if node.returns else ""
    kind = type(node).__name__
    return f"{shown} {kind} {node.name}({ast.unparse(node.args)}) -> {returned}"


def members(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            found[ast.unparse(part.target)] = ast.unparse(part)
        elif isinstance(part, Function):
            found[part.name] = signature(part)
    return found


def fields(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(part.target) for part in node.body if isinstance(part, ast.AnnAssign)]


@pytest.mark.parametrize("name", stubs())
def test_a_signature_on_the_page_is_that_of_the_code(name: str) -> None:
    shown, real = stubs()[name], original(name)
    if isinstance(shown, ast.ClassDef):
        assert isinstance(real, ast.ClassDef)
        assert members(shown).items() <= members(real).items()
        assert fields(shown) == [field for field in fields(real) if not field.startswith("_")]
    else:
        assert isinstance(real, Function)
        assert signature(shown) == signature(real)


def test_every_hook_and_every_helper_is_on_the_page() -> None:
    shown = stubs()
    hooks = [name for name in vars(HookSpecs) if name.startswith("coro_")]
    assert [name for name in shown if name.startswith("coro_")] == hooks
    assert [code(row[0])[0] for row in table(PAGE, "Hook")] == hooks
    for name in (*coro_core.kit.http.__all__, *coro_core.testing.__all__, *coro_core.__all__):
        assert re.search(rf"\b{name}\b", PAGE), name


def test_what_is_required_is_said_to_be() -> None:
    required = {code(row[0])[0] for row in table(PAGE, "Hook") if row[1] == "required"}
    assert required == {"coro_list_models", "coro_generate"}
    for name in required:
        assert "Required." in (getattr(HookSpecs, name).__doc__ or "")


def test_every_error_is_in_the_table() -> None:
    shown = [(code(row[0])[0], code(row[1])[0], row[2]) for row in table(PAGE, "Raise")]
    assert shown == [
        (leaf.__name__, leaf.code, "yes" if leaf.may_retry else "no")
        for leaf in ProviderError.__subclasses__()
        # Other tests have some of their own.
        if leaf.__module__ == ProviderError.__module__
    ]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's plugin, put where an installation would put it."""
    site = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        path = site / name.removeprefix("src/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = site / "coro_acme-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    ((name, target),) = project["entry-points"]["coro"].items()
    (info / "entry_points.txt").write_text(f"[coro]\n{name} = {target}\n")
    return site


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=site,
        env=environ,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_the_plugin_on_the_page_keeps_the_whole_contract(acme: Path) -> None:
    result = run(acme, "coro_core", "plugin", "check", "acme")
    assert result.returncode == 0, result.stdout + result.stderr
    printed = re.search(r"^(\d+) passed; import", result.stdout, re.MULTILINE)
    assert printed is not None, result.stdout
    # The transcripts are of today's suite.
    assert set(re.findall(r"^(\d+) passed;", PAGE, re.MULTILINE)) == {printed[1]}


def test_the_plugin_on_the_page_is_as_long_as_the_page_says() -> None:
    modules = {name: text for name, text in FILES.items() if name.startswith("src/")}
    lines = sum(len(text.splitlines()) for text in modules.values())
    assert len(modules) == 4
    assert f" {lines} lines of Python in four modules" in PAGE
    assert f"{lines} lines of Python" in page("README.md")


def test_the_tests_on_the_page_run(acme: Path) -> None:
    (block,) = [block for block in blocks(PAGE, "python") if "async def test_" in block]
    (acme / "test_answers.py").write_text(block, encoding="utf-8")
    options = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--rootdir", ".")
    result = run(acme, "pytest", *options, "test_answers.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
