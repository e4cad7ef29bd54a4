"""The rules of the house, held by reading the source."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from support.paths import ROOT

CORE = ROOT / "src" / "coro_core"
PROVIDERS = ("gemini", "google", "groq", "deepseek", "mistral", "ollama", "openrouter")
WALL_CLOCKS = {
    CORE / "plugins/record.py": "when a call was, for people",
    CORE / "web/routes.py": "what time it is, for people",
    CORE / "cli/scaffold/writing.py": "the year of a licence",
    CORE / "testing/simulator/chat.py": "a simulator's replies",
    CORE / "kit/http/status.py": "a date of Retry-After, turned into a duration at once",
}

ROOMS = {
    "contract": (),
    "kit": ("contract",),
    "config": ("contract",),
    "plugins": ("contract",),
    "catalog": ("contract", "plugins"),
    "dispatch": ("contract", "plugins", "catalog"),
    "engine": ("contract", "config", "plugins", "catalog", "dispatch"),
    "api": ("contract", "plugins", "catalog", "dispatch"),
    "server": ("config",),
    "testing": ("contract", "plugins"),
    "web": ("contract", "config", "plugins", "dispatch", "engine", "api", "server"),
    "cli": (
        *("contract", "kit", "config", "plugins", "catalog", "dispatch", "engine"),
        *("api", "server", "testing", "web"),
    ),
    "__init__": ("contract",),
    "__main__": ("cli",),
}
"""The architecture: each room, and the rooms that it may import."""
MAX_ARROWS = 40
PUBLIC = (
    "coro_core",
    "coro_core.kit",
    "coro_core.kit.http",
    "coro_core.testing",
    "coro_core.testing.fixtures",
)
"""The only places from which plugins, their tests and the pages for authors import."""
IMPORT_OF_CORE = re.compile(
    r"^[ ]*from (coro_core[\w.]*) import (?:\(([^)]*)\)|([^\n(#]+))", re.MULTILINE
)


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


def module_strings(path: Path, package: str) -> Iterator[str]:
    """Yield the strings of a file that may name a module of `package`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value=str(text)) if text.startswith(f"{package}."):
                yield text


def module_name(path: Path, root: Path) -> str:
    """Return `room.module` of a file below `root`; a package is named by its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def arrows(root: Path) -> dict[str, set[str]]:
    """Return each module below `root` with the modules of the same package that it imports.

    Imports inside functions, for type checkers and by a string count as well.
    """
    modules = {module_name(path, root): path for path in sources(root)}
    found: dict[str, set[str]] = {}
    for name, path in modules.items():
        named = {*imported(path), *module_strings(path, root.name)}
        inside = {it.removeprefix(f"{root.name}.") for it in named}
        found[name] = (inside & modules.keys()) - {name}
    return found


def room(module: str) -> str:
    return module.partition(".")[0]


def between_rooms() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in ROOMS}
    for module, others in arrows(CORE).items():
        found[room(module)] |= {room(other) for other in others} - {room(module)}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the members of a cycle of imports; none when there is no cycle."""
    left = {name: set(others) for name, others in graph.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_rooms_import_only_what_the_table_allows() -> None:
    found = between_rooms()
    for name, others in found.items():
        print(f"{name:10} -> {', '.join(sorted(others)) or 'nothing'}")
    print(f"{sum(map(len, found.values()))} arrows between {len(found)} rooms")
    assert found == {name: set(others) for name, others in ROOMS.items()}
    assert sum(map(len, found.values())) <= MAX_ARROWS
    assert not circle(found)


@pytest.mark.parametrize(
    "root", [CORE, *sorted(ROOT.glob("plugins/*/src/*"))], ids=lambda it: it.name
)
def test_no_modules_import_each_other_in_a_circle(root: Path) -> None:
    graph = arrows(root)
    # A package re-exports what its modules define, and is no room of its own.
    facades = {module_name(path, root) for path in sources(root) if path.name == "__init__.py"}
    assert not circle({name: others for name, others in graph.items() if name not in facades})


def test_only_web_loads_fastapi_and_only_plugins_load_pluggy() -> None:
    homes = {"fastapi": "web", "starlette": "web", "uvicorn": "server"}
    for path in sources(CORE):
        here = room(module_name(path, CORE))
        for module in imported(path):
            home = homes.get(module.partition(".")[0], here)
            assert here == home, f"{path} imports {module}"


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_names_no_provider(path: Path) -> None:
    if path.name in ("examples.py", "schemas.py"):
        # What the published description shows: the specification's own ids.
        return
    lines = path.read_text().lower().splitlines()
    for number, line in enumerate(lines, 1):
        found = [name for name in PROVIDERS if name in line]
        assert not found, f"{path.name}:{number} names {found}"


@pytest.mark.parametrize("path", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_no_plugin(path: Path) -> None:
    for module in imported(path):
        assert not module.startswith(("coro_gemini", "coro_groq", "coro_deepseek", "coro_openai"))


def plugin_sources() -> list[Path]:
    return [path for path in sources(ROOT / "plugins") if "src" in path.parts]


def is_public(place: str, name: str) -> bool:
    return place in PUBLIC and name in import_module(place).__all__


@pytest.mark.parametrize(
    "path", sources(ROOT / "plugins"), ids=lambda path: str(path.relative_to(ROOT / "plugins"))
)
def test_a_plugin_and_its_tests_import_the_public_core_and_no_other_plugin(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[0]
    for module in imported(path):
        if module.startswith("coro_core."):
            place, _, name = module.rpartition(".")
            assert is_public(place, name) or module in PUBLIC, f"{path.name} imports {module}"
        elif module.startswith("coro_") and module != "coro_core":
            assert module.split(".")[0] == own, f"{path.name} imports {module}"


PAGES = (
    ROOT / "docs" / "plugins.md",
    ROOT / "docs" / "contract-checks.md",
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted((CORE / "cli" / "scaffold" / "templates").rglob("*.tmpl")),
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_scaffold_and_the_pages_for_authors_use_the_public_core_only(path: Path) -> None:
    for place, several, one in IMPORT_OF_CORE.findall(path.read_text()):
        listed = re.sub("#.*", "", several or one)
        names = [name.split(" as ")[0].strip() for name in listed.split(",")]
        for name in filter(None, names):
            assert is_public(place, name) or f"{place}.{name}" in PUBLIC, f"{place}: {name}"


def test_the_pages_for_authors_import_from_every_public_place() -> None:
    text = "".join(path.read_text() for path in PAGES)
    found = {place for place, _, _ in IMPORT_OF_CORE.findall(text)}
    assert found == set(PUBLIC)


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


MODULES = {
    ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    for root in (ROOT / "src", *ROOT.glob("plugins/*/src"))
    for path in sources(root)
}


def is_ours(module: str) -> bool:
    return module.partition(".")[0].startswith("coro_")


def our_modules(tree: ast.AST) -> set[str]:
    """Return the names by which a file knows modules of this project."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                ours = [alias for alias in node.names if is_ours(alias.name)]
                names |= {alias.asname or alias.name.partition(".")[0] for alias in ours}
            case ast.ImportFrom(module=str(module)) if is_ours(module):
                ours = [alias for alias in node.names if f"{module}.{alias.name}" in MODULES]
                names |= {alias.asname or alias.name for alias in ours}
    return names


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def reaches_into_modules(path: Path) -> Iterator[str]:
    """Yield the places where a test uses a private name of a module, or replaces any name."""
    tree = ast.parse(path.read_text())
    ours = our_modules(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if is_ours(module):
                yield from (it.name for it in node.names if is_private(it.name))
            case ast.Attribute(attr=attr) if is_private(attr):
                if ast.unparse(node.value).partition(".")[0] in ours:
                    yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="setattr" | "delattr"), args=[target, *_]):
                named = isinstance(target, ast.Constant) and is_ours(str(target.value))
                if named or ast.unparse(target).partition(".")[0] in ours:
                    yield ast.unparse(node)


def test_tests_use_no_private_name_of_a_module_and_replace_none_of_its_names() -> None:
    for path in [*sources(ROOT / "tests"), *sources(ROOT / "plugins")]:
        found = [] if "src" in path.parts else [*reaches_into_modules(path)]
        assert not found, f"{path.relative_to(ROOT)}: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "from coro_core.web.routes import _reply",
        "from coro_core.web import routes\nroutes._reply([], {})",
        "from coro_core.server import runner as it\npatch.setattr(it, 'LISTEN_HANDLES', 1)",
        "import coro_core.web.app\npatch.setattr(coro_core.web.app, 'GC_THRESHOLDS', ())",
        "patch.setattr('coro_core.server.runner.LISTEN_HANDLES', 1)",
    ],
)
def test_a_test_that_reaches_into_a_module_is_found(tmp_path: Path, line: str) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(line)
    assert len([*reaches_into_modules(path)]) == 1


def test_no_module_is_longer_than_400_lines() -> None:
    ours = ("src", "plugins", "tests", "scripts", "benchmarks")
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in ours
        for path in sources(ROOT / folder)
    }
    longest = sorted(lines.items(), key=lambda item: -item[1])[:5]
    print("longest modules:", *(f"{count:5} {name}" for name, count in longest), sep="\n")
    assert [name for name, count in lines.items() if count > 400] == []


@pytest.mark.parametrize("name", [it for it in ROOMS if not it.startswith("__")])
def test_a_room_says_its_purpose_in_one_sentence(name: str) -> None:
    docstring = ast.get_docstring(ast.parse((CORE / name / "__init__.py").read_text()))
    assert docstring, f"{name}/__init__.py has no docstring"
    assert docstring.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_package_lists_each_of_its_names_once_and_has_them_all(name: str) -> None:
    package = import_module(name)
    assert len(set(package.__all__)) == len(package.__all__)
    missing = [it for it in package.__all__ if not hasattr(package, it)]
    assert not missing, f"{name} lists {missing}, which it does not have"
    # A package re-exports; a module imports names for its own use as well.
    unlisted = [
        key
        for key, value in vars(package).items()
        if hasattr(package, "__path__")
        and not key.startswith("_")
        and getattr(value, "__module__", "").startswith("coro_core")
        and key not in package.__all__
    ]
    assert not unlisted, f"{name} has {unlisted}, which it does not list"


def test_importing_the_contract_loads_neither_the_web_framework_nor_a_client() -> None:
    import subprocess

    code = (
        "import sys, coro_core, coro_core.kit;"
        "print([m for m in ('fastapi', 'pydantic', 'aiohttp', 'httpx') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
