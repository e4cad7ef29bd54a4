"""The file `.env`: its values, and the errors of a file that cannot be read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from coro_core.config.settings import MAX_DOTENV_CHARACTERS, read_environ
from coro_core.contract.errors import SettingsError
from support.plugins import NO_REAL_PLUGINS
from support.server import Process

NOBODY = 65534
TEN_MEGABYTES = 10_000_000


def dotenv(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "settings"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", {}),
        ("# a comment\n\n", {}),
        ("K=v", {"K": "v"}),
        ("K=v\r\nL=w\r\n", {"K": "v", "L": "w"}),
        ("K = v ", {"K": "v"}),
        ("K=", {"K": ""}),
        ("K", {}),
        ("export K=v", {"K": "v"}),
        ('K="v w"', {"K": "v w"}),
        ("K='v w'", {"K": "v w"}),
        ('K=" v "', {"K": " v "}),
        ('K="a\\nb"', {"K": "a\nb"}),
        ("K=a # b", {"K": "a"}),
        ("K=a#b", {"K": "a#b"}),
        ("K=1\nK=2", {"K": "2"}),
        ("K=a$b", {"K": "a$b"}),
        ("K=${HOME}", {"K": "${HOME}"}),
        ("K=${NOPE}", {"K": "${NOPE}"}),
        ('K="a$b${c}"', {"K": "a$b${c}"}),
        ("K=a=b==", {"K": "a=b=="}),
        ("\ufeffK=v", {"K": "v"}),
        ("K=\u00e9", {"K": "\u00e9"}),
        ("K=v\u200b", {"K": "v\u200b"}),
    ],
    ids=ascii,
)
def test_dotenv_is_read_as_it_stands(
    tmp_path: Path, content: str, expected: dict[str, str]
) -> None:
    assert read_environ({}, dotenv(tmp_path, content)) == expected


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    path = dotenv(tmp_path, "A=file\nB=file\nC=file")
    assert read_environ({"A": "env", "B": ""}, path) == {"A": "env", "B": "", "C": "file"}


def test_dotenv_may_be_missing(tmp_path: Path) -> None:
    assert read_environ({"A": "env"}, tmp_path / "missing") == {"A": "env"}


def test_dotenv_is_looked_for_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CORO_TEST_ONLY=file\nCORO_TEST_BOTH=file\n")
    monkeypatch.setenv("CORO_TEST_BOTH", "env")
    environ = read_environ()
    assert environ["CORO_TEST_ONLY"] == "file"
    assert environ["CORO_TEST_BOTH"] == "env"


def test_the_settings_are_a_copy_of_the_environment(tmp_path: Path) -> None:
    given = {"A": "env"}
    read_environ(given, tmp_path / "missing")["A"] = "changed"
    assert given == {"A": "env"}


def test_a_dotenv_that_is_a_directory_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_environ({}, tmp_path)
    assert str(caught.value) == f"{tmp_path} cannot be read: Is a directory."


@pytest.mark.parametrize(
    "content",
    [b"K=\xff\xfe", "K=v".encode("utf-16"), b"K=caf\xe9"],
    ids=["bytes", "utf-16", "latin-1"],
)
def test_a_dotenv_that_is_not_utf_8_is_reported_in_one_line_without_its_content(
    tmp_path: Path, content: bytes
) -> None:
    path = dotenv(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        read_environ({}, path)
    assert str(caught.value) == f"{path} cannot be read: it is not UTF-8 text."
    assert caught.value.__suppress_context__


@contextmanager
def as_anybody() -> Iterator[None]:
    """Drop the rights of root, which may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def error_of_a_reader_without_rights() -> str:
    with as_anybody(), pytest.raises(SettingsError) as caught:
        read_environ({})
    return str(caught.value)


def test_a_dotenv_that_may_not_be_read_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    Path(".env").write_text("K=v")
    Path(".env").chmod(0)
    assert error_of_a_reader_without_rights() == ".env cannot be read: Permission denied."


def test_a_folder_that_may_not_be_looked_into_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0)
    try:
        assert error_of_a_reader_without_rights() == ".env cannot be read: Permission denied."
    finally:
        tmp_path.chmod(0o700)


def test_a_dotenv_that_leads_to_itself_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.symlink_to(path)
    with pytest.raises(SettingsError) as caught:
        read_environ({}, path)
    assert str(caught.value).startswith(f"{path} cannot be read: Too many levels of symbolic links")


def test_a_dotenv_may_be_as_large_as_a_variable_and_no_larger(tmp_path: Path) -> None:
    value = "v" * (MAX_DOTENV_CHARACTERS - len("K="))
    assert read_environ({}, dotenv(tmp_path, f"K={value}")) == {"K": value}
    path = dotenv(tmp_path, f"K={value}v")
    with pytest.raises(SettingsError) as caught:
        read_environ({}, path)
    assert str(caught.value) == f"{path} cannot be read: it has more than 131,072 characters."


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end")
def test_no_more_is_read_than_a_dotenv_may_hold(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="more than 131,072 characters"):
        read_environ({}, path)


# --- in a process of its own


def large(path: Path) -> None:
    path.write_text("KEY=value\n" * (TEN_MEGABYTES // len("KEY=value\n")))


def a_quote_without_its_end(path: Path) -> None:
    path.write_text('KEY="' + "v" * TEN_MEGABYTES)


def a_host_with_a_nul(path: Path) -> None:
    path.write_bytes(b"CORO_HOST=127.0.0.1\0\n")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Path.mkdir, ".env cannot be read: Is a directory."),
        (large, ".env cannot be read: it has more than 131,072 characters."),
        (a_quote_without_its_end, ".env cannot be read: it has more than 131,072 characters."),
        (a_host_with_a_nul, "CORO_HOST: should be the name or an address of a host."),
    ],
    ids=["a directory", "large", "a quote without its end", "a host with a NUL"],
)
def test_a_server_says_in_one_line_why_it_does_not_start(
    tmp_path: Path, make: Callable[[Path], None], expected: str
) -> None:
    make(tmp_path / ".env")
    with Process("serve", "--port", "0", cwd=tmp_path, environ=NO_REAL_PLUGINS) as server:
        assert server.wait() == 2
    assert server.output == f"coro: {expected}\n"


def test_a_server_starts_with_a_nul_that_means_nothing_to_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\0\nKEY=a\0b\n\0=c\nCORO_MAX_MODELS=3\n")
    with Process("serve", "--port", "0", cwd=tmp_path, environ=NO_REAL_PLUGINS) as server:
        assert httpx.get(f"{server.address()}/health").json()["status"] == "ok"
    assert "Traceback" not in server.output
