"""The rules of the house, held by reading the source."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src" / "coro_core"
PROVIDERS = ("gemini", "google", "groq", "deepseek", "mistral", "ollama", "openrouter")
WALL_CLOCKS = {
    CORE / "records.py": "when a call was, for people",
    CORE / "web/routes.py": "what time it is, for people",
    CORE / "scaffold/writing.py": "the year of a licence",
    CORE / "testing/chat.py": "a simulator's replies",
    CORE / "httpkit/status.py": "a date of Retry-After, turned into a duration at once",
}

# Each part may import those before it, and no other.
LAYERS = [
    {"types", "errors", "loading"},
    {"hookspecs", "sink", "serving"},
    {"answers", "hooks"},
    {
        "environ",
        "settings",
        "logs",
        "lifespans",
        "retry",
        "httpkit",
        "testing",
        "guard",
        "breaker",
        "watchdog",
        "scaffold",
        "distributions",
    },
    {"records", "upstreams"},
    {"plugins"},
    {"catalog", "demo"},
    {"calls", "discovery"},
    {"fanout"},
    {"container"},
    {"checkup", "plugin_commands"},
    {"web"},
    {"terminal"},
    {"listings"},
    {"cli"},
    {"__main__"},
]
# Inside a layer: who may import whom.
SIBLINGS = {
    ("errors", "types"),
    ("testing", "httpkit"),
    ("testing", "lifespans"),
    ("scaffold", "environ"),
}


def sources(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def type_checking_only(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom):
                    names.add(inner.module or "")
                    names.update(f"{inner.module}.{alias.name}" for alias in inner.names)
    return names


def part(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def level(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_imports_run_one_way(path: Path) -> None:
    here = path.relative_to(CORE).with_suffix("").parts[0]
    if here == "__init__":
        return
    deferred = type_checking_only(path)
    for module in imported(path):
        there = part(module)
        if not module.startswith("coro_core.") or module in deferred or there == here:
            continue
        if not any(there in names for names in LAYERS):
            continue  # a name out of a module, which was judged by its module
        allowed = level(there) < level(here) or (here, there) in SIBLINGS
        assert allowed, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_names_no_provider(path: Path) -> None:
    if path.name in ("examples.py", "schemas.py"):
        # What the published description shows: the specification's own ids.
        return
    lines = path.read_text().lower().splitlines()
    for number, line in enumerate(lines, 1):
        if path.name == "logs.py" and line.startswith("_noisy"):
            continue  # names of loggers, not of providers
        found = [name for name in PROVIDERS if name in line]
        assert not found, f"{path.name}:{number} names {found}"


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_no_plugin(path: Path) -> None:
    for module in imported(path):
        assert not module.startswith(("coro_gemini", "coro_groq", "coro_deepseek", "coro_openai"))


def plugin_sources() -> list[Path]:
    return [path for path in sources(ROOT / "plugins") if "src" in path.parts]


@pytest.mark.parametrize(
    "path", plugin_sources(), ids=lambda path: str(path.relative_to(ROOT / "plugins"))
)
def test_a_plugin_imports_the_public_core_and_nothing_of_its_siblings(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[0]
    public = ("coro_core.httpkit", "coro_core.environ", "coro_core.testing")
    for module in imported(path):
        if module.startswith("coro_core."):
            name = module.removeprefix("coro_core.")
            exported = name in __import__("coro_core").__all__
            assert exported or module.startswith(public), f"{path.name} imports {module}"
        elif module.startswith("coro_") and module != "coro_core":
            assert module.split(".")[0] == own, f"{path.name} imports {module}"


@pytest.mark.parametrize(
    "path", [*sources(CORE), *plugin_sources()], ids=lambda path: str(path.relative_to(ROOT))
)
def test_only_the_settings_read_the_environment_and_deadlines_are_monotonic(path: Path) -> None:
    source = path.read_text()
    if path.name not in ("settings.py", "cli.py"):
        assert "os.environ.get" not in source
        assert "getenv" not in source
    looks = re.search(r"\btime\.time(_ns)?\b|\b(now|utcnow|today)\(", source)
    assert (looks is not None) == (path in WALL_CLOCKS)


@pytest.mark.parametrize(
    "path", [*sources(CORE), *plugin_sources()], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_module_is_past_the_size_that_is_a_defect(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_importing_the_contract_loads_neither_the_web_framework_nor_a_client() -> None:
    import subprocess

    code = (
        "import sys, coro_core, coro_core.environ;"
        "print([m for m in ('fastapi', 'pydantic', 'aiohttp', 'httpx') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
