"""`coro plugin new` itself: what it asks, what it takes, what it refuses."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from coro_core.cli.main import main
from support.paths import ROOT
from support.terminal import CTRL_C, Terminal

New = Callable[..., tuple[int, str]]
NEEDED = ("--base-url", "https://api.acme.example/v1", "--model", "acme")


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> New:
    """Run the command as a shell without a terminal does; return its exit code and output."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["coro", "plugin", "new", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_it_says_what_comes_next(new: New, tmp_path: Path) -> None:
    code, output = new("acme-two", *NEEDED)
    assert code == 0
    assert "cd coro-acme-two\n" in output
    assert "coro plugin check acme-two\n" in output
    described = tomllib.loads((tmp_path / "coro-acme-two" / "pyproject.toml").read_text())
    assert described["project"]["name"] == "coro-acme-two"
    assert described["project"]["entry-points"]["coro"] == {
        "acme-two": "coro_acme_two:AcmeTwoPlugin"
    }
    settings = (tmp_path / "coro-acme-two" / "src" / "coro_acme_two" / "settings.py").read_text()
    assert 'KEY = "ACME_TWO_API_KEY"' in settings
    assert 'DEFAULT_ADDRESS = "https://api.acme.example/v1"' in settings


def test_a_name_that_is_taken_is_said_and_no_obstacle(new: New, tmp_path: Path) -> None:
    options = ("--directory", "mine", "--base-url", "https://x.example", "--model", "x")
    code, output = new("groq", *options)
    assert code == 0
    assert "coro-groq brings a plugin groq already: only one can be used.\n" in output
    assert (tmp_path / "mine" / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme"], "NAME, --base-url and --model must be given: no terminal is there."),
        (["Acme", *NEEDED], "'Acme' cannot be a plugin's name: "),
        (["acme--x", *NEEDED], "'acme--x' cannot be a plugin's name: "),
        (["7b", *NEEDED], "'7b' cannot be a plugin's name: "),
        (["a" * 25, *NEEDED], "cannot be a plugin's name: "),
        (["coro-acme", *NEEDED], "say acme: coro- is put before it anyway."),
        (["core", *NEEDED], "coro-core is the core itself; take another name."),
        (["acme", *NEEDED, "--title", '"Acme"'], "--title takes 1 to 40 letters, "),
        (["acme", *NEEDED, "--model", "acme=b"], "--model gives the id acme twice."),
        (["acme", *NEEDED, "--model", "b=acme"], "--model gives the upstream name acme twice."),
        (["acme", *NEEDED, "--model", "Big=b"], "a model's id must be 1 to 64 of a-z, "),
        (["acme", *NEEDED, "--model", "big="], "the provider's own name is 1 to 64 letters, "),
        (["acme", *NEEDED, "--model", 'big="'], "the provider's own name is 1 to 64 letters, "),
        (["acme", *NEEDED, "--key", "acme_key"], "'acme_key' cannot be the key's variable: "),
        (["acme", *NEEDED, "--key", "CORO_KEY"], "CORO_KEY has a meaning of its own; "),
        (["acme", *NEEDED, "--key", "ACME_BASE_URL"], "ACME_BASE_URL has a meaning of its own; "),
        (["acme", *NEEDED, "--dialect", "french"], "french"),
        (["acme", *NEEDED, "--base-url", "http://acme.example"], "--base-url is plain http to "),
        (["acme", *NEEDED, "--base-url", 'https://"'], "--base-url must be plain ASCII, "),
        (["acme", *NEEDED, "--directory", str(ROOT / "plugins" / "acme")], "CORO's own source"),
        (["acme", *NEEDED, "--directory", "there"], "there is there already, and not empty; "),
        (["acme", *NEEDED, "--directory", "there/file"], "there/file cannot be written: "),
    ],
)
def test_a_mistake_is_one_sentence_with_exit_code_2_and_nothing_is_written(
    new: New, arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    code, output = new(*arguments)
    assert code == 2
    assert output.startswith("coro: ")
    assert output.count("\n") == 1
    assert said in output
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "file"]
    assert (tmp_path / "there" / "file").read_text() == "mine"
    assert not (ROOT / "plugins" / "acme").exists()


def test_a_terminal_is_asked_for_what_no_option_says_and_again_after_a_mistake(
    tmp_path: Path,
) -> None:
    dialogue = (
        (r"Name, such as acme: $", "Acme"),
        (r"cannot be a plugin's name: [^$]*Name, such as acme: $", "acme"),
        (r"Provider, for people \[Acme\]: $", ""),
        (r"Dialect \(openai, own\) \[openai\]: $", "own"),
        (r"Base URL: $", "https://api.acme.example"),
        (r"Models as id=upstream-name, .*: $", "acme-large=large-2, acme-small"),
        (r"Variable of the key \[ACME_API_KEY\]: $", ""),
    )
    with Terminal("plugin", "new", cwd=tmp_path, environ={}) as terminal:
        for question, said in dialogue:
            terminal.wait_for(question)
            terminal.press(f"{said}\n".encode())
        assert terminal.wait() == 0
        assert "coro plugin check acme" in terminal.text
    plugin = (tmp_path / "coro-acme" / "src" / "coro_acme" / "plugin.py").read_text()
    assert 'candidates=("large-2",)' in plugin
    assert 'candidates=("acme-small",)' in plugin
    assert (tmp_path / "coro-acme" / "src" / "coro_acme" / "dialect.py").exists()


def test_who_leaves_in_the_middle_has_written_nothing_and_sees_no_traceback(tmp_path: Path) -> None:
    with Terminal("plugin", "new", "acme", cwd=tmp_path, environ={}) as terminal:
        terminal.wait_for(r"Provider, for people \[Acme\]: $")
        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []
