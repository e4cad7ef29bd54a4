"""Find words that the project does not use, and docstrings that begin with a question word.

    python scripts/prose.py              # everything
    python scripts/prose.py src README.md

Prints `file:line: word -> suggestion` for each, and then exits with 1. The list holds only words
that are wrong in every sentence of this project; docs/glossary.md has the rest.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = (
    *("src", "plugins", "tests", "benchmarks", "scripts", "docs", ".ci", "conftest.py", "Makefile"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "mkdocs.yml", "pyproject.toml"),
    *(".env.example", "Dockerfile", "openapi.json", "render.yaml"),
)
SUFFIXES = {".py", ".md", ".js", ".html", ".css", ".tmpl", ".toml", ".yml", ".yaml", ".json", ".ts"}
EXEMPT = {"scripts/prose.py", "tests/docs/test_prose.py", "docs/glossary.md"}
"""Files that name the words."""
OTHERS = re.compile(
    r"/(?:vendor|node_modules|\.[\w-]+|swagger-ui-[\d.]+|package-lock\.json)(?:/|$)"
)
"""Paths of third-party files, and of folders that programs write."""

SUGGESTIONS = {
    r"told|tells": "reported, logged, says",
    r"strangers?": "third-party, untrusted",
    r"anew|afresh": "again",
    r"for ever": "without end, permanently",
    r"so many(?! (?:that|as)\b)": "the number, by its name",
    r"whoever": "the caller, the client, ...",
    r"lest": "otherwise",
    r"at work": "in flight",
    r"comes to(?! (?:an end|life))": "results in",
    r"(?:is|are|was|were) there(?=[.,;:)]| already)": "exists, is installed, is ready",
    r"count not": "is not counted, is ignored",
    r"stragglers?": "abandoned call",
    r"swamped": "saturated",
    r"guarded": "isolated",
    r"checkup": "check report",
    r"doings": "side effects",
    r"(?:a|the|one|each|every|next|first|last|another|no) look(?=[ .,;:)])": "probe, refresh",
}
WORDS = {
    suggestion: re.compile(
        # A name such as `_told_once` holds the word too; a phrase may be broken over two lines.
        rf"(?<![A-Za-z'])(?:{pattern})(?![a-z])".replace(" ", r"\s+(?:(?:#:?|//|\*)\s+)?"),
        re.IGNORECASE | re.MULTILINE,
    )
    for pattern, suggestion in SUGGESTIONS.items()
}
OPENING = re.compile(r"(?:What|That|Who|Whoever|Whatever|Whether|How)\b")
OPENING_OF_TEMPLATE = re.compile(rf'^\s*r?"""({OPENING.pattern})', re.MULTILINE)
ADVICE = "begin with an imperative or a noun phrase"


Finding = tuple[int, str, str]
"""A line, the word in it, and a suggestion."""


def words(text: str) -> Iterator[Finding]:
    """Find the words of the list."""
    for suggestion, pattern in WORDS.items():
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[0], suggestion


def docstrings(text: str) -> Iterator[Finding]:
    """Find the docstrings of a Python file, those of constants included, with a bad first word."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                if opening := OPENING.match(docstring.lstrip()):
                    yield node.lineno, opening[0], ADVICE


def findings(path: Path) -> list[Finding]:
    """Return the findings of a file in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    found = [*words(text)]
    if path.suffix == ".py":
        found += docstrings(text)
    elif path.name.endswith(".py.tmpl"):
        for match in OPENING_OF_TEMPLATE.finditer(text):
            found.append((text.count("\n", 0, match.start(1)) + 1, match[1], ADVICE))
    return sorted(found)


def files(place: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder that this project has written."""
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        name = path.resolve().relative_to(ROOT).as_posix()
        if path.is_dir() or name in EXEMPT or OTHERS.search("/" + name.removeprefix(".")):
            continue
        if path == place or place.name == ".ci" or path.suffix in SUFFIXES:
            yield path


def main() -> int:
    """Print what is found in the places of the command line."""
    places = [Path(name) for name in sys.argv[1:]] or [ROOT / name for name in PLACES]
    failed = 0
    for place in places:
        for path in files(place):
            for line, word, suggestion in findings(path):
                failed = 1
                name = path.resolve().relative_to(ROOT)
                print(f"{name}:{line}: {' '.join(word.split())} -> {suggestion}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
