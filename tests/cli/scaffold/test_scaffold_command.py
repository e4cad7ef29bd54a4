"""`coro plugin new`: its questions, its options and its errors."""

import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from coro_core.cli.main import main
from support.paths import ROOT
from support.terminal import CTRL_C, CTRL_D, Terminal

New = Callable[..., tuple[int, str]]
NEEDED = ("--base-url", "https://api.acme.example/v1", "--model", "acme")


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> New:
    """Run the command as a shell without a terminal does; return its exit code and output."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["coro", "plugin", "new", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


def test_the_next_steps_are_printed(new: New, tmp_path: Path) -> None:
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


def test_an_installed_plugin_of_the_same_name_is_a_warning(new: New, tmp_path: Path) -> None:
    options = ("--directory", "mine", "--base-url", "https://x.example", "--model", "x")
    code, output = new("groq", *options)
    assert code == 0
    assert "coro-groq has a plugin groq already. CORO loads only one of that name; " in output
    assert (tmp_path / "mine" / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["acme"], "give NAME, --base-url and --model: no terminal is open to ask for them."),
        (["Acme", *NEEDED], "'Acme' cannot be a plugin's name. "),
        (["acme--x", *NEEDED], "'acme--x' cannot be a plugin's name. "),
        (["7b", *NEEDED], "'7b' cannot be a plugin's name. "),
        (["a" * 25, *NEEDED], "cannot be a plugin's name. "),
        (["coro-acme", *NEEDED], "give acme as the name: coro- is put in front of it."),
        (["core", *NEEDED], "coro-core is the name of the core; choose another name."),
        (["acme", *NEEDED, "--title", '"Acme"'], "--title takes 1 to 40 letters, "),
        (["acme", *NEEDED, "--model", "acme=b"], "--model gives the id acme twice."),
        (["acme", *NEEDED, "--model", "b=acme"], "--model gives the upstream name acme twice."),
        (["acme", *NEEDED, "--model", "Big=b"], "a model's id must be 1 to 64 of a-z, "),
        (["acme", *NEEDED, "--model", "big="], "the provider's own name must be 1 to 64 letters, "),
        (
            ["acme", *NEEDED, "--model", 'big="'],
            "the provider's own name must be 1 to 64 letters, ",
        ),
        (["acme", *NEEDED, "--key", "acme_key"], "'acme_key' cannot be the key's variable. "),
        (["acme", *NEEDED, "--key", "CORO_KEY"], "CORO_KEY has another meaning already; "),
        (
            ["acme", *NEEDED, "--key", "ACME_BASE_URL"],
            "ACME_BASE_URL has another meaning already; ",
        ),
        (["acme", *NEEDED, "--dialect", "french"], "french"),
        (["acme", *NEEDED, "--base-url", "http://acme.example"], "--base-url is plain http to "),
        (["acme", *NEEDED, "--base-url", 'https://"'], "--base-url must be plain ASCII, "),
        (["acme", *NEEDED, "--directory", str(ROOT / "plugins" / "acme")], "CORO's own source"),
        (["acme", *NEEDED, "--directory", "mine"], "mine exists and is not empty; "),
        (["acme", *NEEDED, "--directory", "mine/file"], "mine/file cannot be written: "),
    ],
)
def test_an_error_is_one_line_and_exit_code_2_and_nothing_is_written(
    new: New, arguments: list[str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    code, output = new(*arguments)
    assert code == 2
    assert output.startswith("coro: ")
    assert output.count("\n") == 1
    assert expected in output
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "file"]
    assert (tmp_path / "mine" / "file").read_text() == "mine"
    assert not (ROOT / "plugins" / "acme").exists()


def test_a_terminal_is_asked_for_missing_inputs_and_again_after_an_error(
    tmp_path: Path,
) -> None:
    dialogue = (
        (r"Name, such as acme: $", "Acme"),
        (r"cannot be a plugin's name\. [^$]*Name, such as acme: $", "acme"),
        (r"Provider, for people \[Acme\]: $", ""),
        (r"Dialect \(openai, own\) \[openai\]: $", "own"),
        (r"Base URL: $", "https://api.acme.example"),
        (r"Models as id=upstream-name, .*: $", "acme-large=large-2, acme-small"),
        (r"Variable of the key \[ACME_API_KEY\]: $", ""),
    )
    with Terminal("plugin", "new", cwd=tmp_path, environ={}) as terminal:
        for question, reply in dialogue:
            terminal.wait_for(question)
            terminal.press(f"{reply}\n".encode())
        assert terminal.wait() == 0
        assert "coro plugin check acme" in terminal.text
    plugin = (tmp_path / "coro-acme" / "src" / "coro_acme" / "plugin.py").read_text()
    assert 'candidates=("large-2",)' in plugin
    assert 'candidates=("acme-small",)' in plugin
    assert (tmp_path / "coro-acme" / "src" / "coro_acme" / "dialect.py").exists()


def test_ctrl_c_at_a_question_ends_the_command_and_nothing_is_written(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # Several at once: a lost Ctrl-C is a race between the signal and the system call `read`.
        terminals = [
            stack.enter_context(Terminal("plugin", "new", "acme", cwd=tmp_path, environ={}))
            for _ in range(8)
        ]
        for terminal in terminals:
            terminal.wait_for(r"Provider, for people \[Acme\]: $")
            terminal.press(CTRL_C)
        for terminal in terminals:
            assert terminal.wait() == 130
            assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_input_at_a_question_ends_the_command(tmp_path: Path) -> None:
    with Terminal("plugin", "new", "acme", cwd=tmp_path, environ={}) as terminal:
        terminal.wait_for(r"Provider, for people \[Acme\]: $")
        terminal.press(CTRL_D)
        assert terminal.wait() == 130
    assert list(tmp_path.iterdir()) == []
