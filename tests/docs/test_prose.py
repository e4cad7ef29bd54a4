"""The lint of words finds each kind and leaves good text alone."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.paths import ROOT

Lint = Callable[[str, str], list[str]]

LINT = ROOT / "scripts" / "prose.py"

BAD = [
    ("told", "The client is told the reason."),
    ("told", "_told_once = True"),
    ("tells", "It tells the caller."),
    ("stranger", "A stranger's code raises."),
    ("Anew", "Anew, the list is read."),
    ("for ever", "It waits for ever."),
    ("so many", "Wait so many seconds."),
    ("Whoever", "Whoever asks, waits."),
    ("at work", "Nothing is at work."),
    ("comes to", "The cost comes to 3 ms."),
    ("is there", "No key is there."),
    ("stragglers", "The stragglers end."),
    ("the look", "It was the look."),
    ("doings", "doings = []"),
]
GOOD = [
    "The retold story of a strange, untold look and feel.",
    "There is a key; is there a model?",
    "There are so many that the log names only ten.",
    "Look at the log. The call comes to an end.",
    "The breaker opens after five failures.",
]
OPENINGS = ["What", "That", "Who", "Whoever", "Whatever", "Whether", "How"]


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    """Run a copy of the lint, whose root is a folder of the test, over one file."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "prose.py"
    script.write_bytes(LINT.read_bytes())

    def run(name: str, text: str) -> list[str]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        command = [sys.executable, str(script), str(tmp_path / name)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert result.stderr == ""
        assert result.returncode == (1 if result.stdout else 0)
        return result.stdout.splitlines()

    return run


def test_every_word_of_the_list_is_found_with_its_line(lint: Lint) -> None:
    found = lint("page.md", "\n".join(text for _, text in BAD))
    assert [line.partition(" -> ")[0] for line in found] == [
        f"page.md:{number}: {word}" for number, (word, _) in enumerate(BAD, 1)
    ]


def test_good_text_passes(lint: Lint) -> None:
    assert lint("page.md", "\n".join(GOOD)) == []


def test_a_phrase_that_is_broken_over_two_lines_of_a_comment_is_found(lint: Lint) -> None:
    assert lint("module.py", "# It waits for\n# ever.\n") == [
        "module.py:1: for # ever -> without end, permanently"
    ]


@pytest.mark.parametrize("name", ["module.py", "plugin.py.tmpl"])
def test_a_docstring_that_begins_with_a_question_word_is_found(lint: Lint, name: str) -> None:
    text = "".join(f'def f{word}():\n    """{word} it does."""\n\n' for word in OPENINGS)
    found = [line.split() for line in lint(name, text) if "begin with" in line]
    assert [(place, word) for place, word, *_ in found] == [
        (f"{name}:{2 + 3 * index}:", word) for index, word in enumerate(OPENINGS)
    ]


def test_a_docstring_of_a_constant_is_read_too(lint: Lint) -> None:
    (line,) = lint("module.py", 'LIMIT = 3\n"""How many there may be."""\n')
    assert line.startswith("module.py:2: How")


def test_a_docstring_that_begins_well_and_any_other_string_pass(lint: Lint) -> None:
    text = '"""Return what is asked."""\nPROMPT = "What is 2+2?"\n'
    assert lint("module.py", text) == []


def test_a_folder_is_read_without_third_party_files(lint: Lint, tmp_path: Path) -> None:
    bad = "They were told.\n"
    for folder in ("src", "src/vendor", "src/swagger-ui-5.1.0", "src/.venv"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.html").write_text(bad, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "scripts" / "prose.py"), str(tmp_path / "src")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert result.stdout == "src/page.html:1: told -> reported, logged, says\n"
