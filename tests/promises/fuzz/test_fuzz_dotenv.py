"""CORO starts with any `.env`, or says in one line why not."""

from codecs import BOM_UTF8
from pathlib import Path

from hypothesis import strategies as st

from coro_core.config.settings import Settings, read_environ, read_settings, variable
from coro_core.contract.errors import SettingsError
from coro_core.engine.demo import demo_behaviours
from coro_core.engine.engine import build_engine
from support.faults.canaries import KEYS, leaks
from support.fuzz import LONG, fuzz
from support.server import Process

_NAMES = [variable(field) for field in Settings.model_fields]
_NAMES += ["CORO_UPSTREAM_GEMINI", "CORO_PROT", "GROQ_API_KEY", "GROQ_BASE_URL", "", "export PORT"]
_VALUES = (
    st.text(max_size=40)
    | st.integers().map(str)
    | st.sampled_from(["true", "0", "1e999", "nan", "info", "json", "gemini", "groq=timeout", ","])
    | st.sampled_from(
        ["9" * 5000, "x" * 100_000, "a\nb", "\0", "\x1b[2J", "$PORT", "${A}", "\ufeff"]
    )
    | st.sampled_from([*KEYS.values(), "\u2028", "\r", "http://[", "#"])
)


@st.composite
def _lines(draw: st.DrawFn) -> str:
    name, value = draw(st.sampled_from(_NAMES)), draw(_VALUES)
    quote = draw(st.sampled_from(["", "", "'", '"', "`"]))
    end = draw(st.sampled_from([quote, quote, quote, ""]))
    return f"{name}{draw(st.sampled_from(['=', ' = ', ':', '']))}{quote}{value}{end}"


@st.composite
def dotenvs(draw: st.DrawFn) -> bytes:
    """Return a `.env` that holds settings in every state; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary())
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\x0b"]))
    text = end.join(draw(st.lists(_lines(), max_size=5)))
    before = draw(st.sampled_from([b"", b"", BOM_UTF8, b"\xff\xfe", b"\0"]))
    return before + text.encode(
        draw(st.sampled_from(["utf-8"] * 5 + ["utf-16", "latin-1"])), "replace"
    )


def _started(path: Path) -> str:
    """Return the startup error; an empty text when CORO starts."""
    try:
        environ = read_environ({}, path)
        assert all(type(value) is str for pair in environ.items() for value in pair)
        settings = read_settings(environ)
        engine = build_engine(environ)
        demo_behaviours(settings, engine.plugins.records)
    except SettingsError as error:
        return str(error)
    return ""


@fuzz(content=dotenvs())
def test_it_starts_or_says_in_one_line_why_not(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    error = _started(path)
    assert error.isprintable(), error
    assert len(error) < 5000
    # The one setting whose message repeats it: a plugin's name that was mistyped.
    assert error.startswith("CORO_DEMO_FAIL:") or not leaks(error.encode())


@fuzz(cases=100 if LONG else 5, content=dotenvs())
def test_the_command_starts_or_says_in_one_line_why_not(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    with Process("models", cwd=tmp_path, environ={}) as command:
        code = command.wait()
    assert "Traceback" not in command.output
    complaints = [line for line in command.lines if line.startswith("coro: ")]
    assert (code, len(complaints)) in {(0, 0), (2, 1)}, command.output
