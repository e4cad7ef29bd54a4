"""`coro chat` at a terminal: the live table, the cards, and answers with control characters."""

import asyncio
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from coro_core.testing import Behaviour
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.terminal import CTRL_C, Terminal

COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9;]*)?m")

GATED = """
import asyncio, pathlib
from support.plugins import Echo, answer, model

class Plugin(Echo):
    models = (model("first"), model("second"))
    async def generate(self, request):
        while request.model == "second-upstream" and not pathlib.Path("open").exists():
            await asyncio.sleep(0.01)
        return answer("This is " + request.model)
"""


def environ(install: Installer, **more: str) -> dict[str, str]:
    return {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS, **more}


def test_a_row_shows_its_answer_while_other_clocks_still_run(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("gated", GATED)
    with Terminal("chat", "Hi", "--timeout", "50", cwd=tmp_path, environ=environ(install)) as seen:
        seen.wait_for(r"✓ +first +\d\.\d s +This is first-upstream")
        seen.wait_for(r"second +[1-9]\d*\.\d s")  # its clock has run for a second
        assert "This is second" not in seen.text
        (tmp_path / "open").touch()
        assert seen.wait() == 0
        assert "2 of 2 answered in" in seen.text
        assert seen.raw.count(b"\x1b[?25l") == seen.raw.count(b"\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize(("columns", "side_by_side"), [(120, True), (60, False)])
def test_the_cards_fit_the_width(
    install: Installer, tmp_path: Path, columns: int, side_by_side: bool
) -> None:
    install.add_source("gated", GATED)
    (tmp_path / "open").touch()
    with Terminal("chat", "Hi", cwd=tmp_path, environ=environ(install), columns=columns) as seen:
        assert seen.wait() == 0
        tops = [line for line in seen.text.splitlines() if line.startswith("╭─ ")]
    cards = [re.findall(r"╭─ (\w+)", line) for line in tops]
    assert cards == ([["first", "second"]] if side_by_side else [["first"], ["second"]])
    assert all(len(line) <= columns for line in tops)


HOSTILE = [
    "\x1b]0;title\x07",
    "\x1b]52;c;Y29weQ==\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b2J",
    "real\rfake",
    "\u202egnp.exe",
    "\u2066isolate",
    "back\b\b\b\bspace",
    "[bold red]markup[/] [link=http://evil.example]click[/link] :smiley:",
    "\x1bP1$r\x1b\\",
]
SAYS = f"""
from support.plugins import Echo, answer
TEXT = {chr(10).join(HOSTILE)!r}
class Plugin(Echo):
    async def generate(self, request):
        return answer(TEXT)
"""
OBEYED = [b"\x1b]", b"\x1bP", b"\x07", b"\x08", b"\x1b[2J", b"\xc2\x9b", b"\r" + b"fake"] + [
    mark.encode() for mark in ("\u202e", "\u2066")
]


@pytest.mark.parametrize("option", [[], ["--json"], ["--markdown"]])
def test_an_answer_cannot_control_the_terminal(
    install: Installer, tmp_path: Path, option: list[str]
) -> None:
    install.add_source("hostile", SAYS)
    with Terminal("chat", "Hi", *option, cwd=tmp_path, environ=environ(install)) as seen:
        assert seen.wait() == 0
        assert "[bold red]markup[/] [link=http://evil.example]click[/link] :smiley:" in seen.text
        for sequence in OBEYED:
            assert sequence not in seen.raw, sequence


@pytest.mark.parametrize(
    ("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_left_out_on_request(
    install: Installer, tmp_path: Path, more: dict[str, str], coloured: bool
) -> None:
    install.add_source("gated", GATED)
    (tmp_path / "open").touch()
    with Terminal("chat", "Hi", cwd=tmp_path, environ=environ(install, **more)) as seen:
        assert seen.wait() == 0
        assert "This is second-upstream" in seen.text
        assert bool(COLOUR.search(seen.raw)) is coloured


def test_a_missing_prompt_is_an_error_at_a_terminal(tmp_path: Path) -> None:
    with Terminal("chat", "--demo", cwd=tmp_path, environ={}) as seen:
        assert seen.wait() == 2
        assert "the prompt is missing: give it as an argument" in seen.text


async def test_ctrl_c_cancels_the_calls_of_this_process(tmp_path: Path) -> None:
    called, cancelled = asyncio.Event(), asyncio.Event()

    async def hold(_: object) -> None:
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    behaviour = Behaviour(gate=hold)
    plugin = entry_points(group="coro")["deepseek"].load()()
    async with plugin.coro_simulator(behaviour=behaviour) as settings:
        with Terminal("chat", "Hi", "--timeout", "60", cwd=tmp_path, environ=settings) as seen:
            async with asyncio.timeout(60):
                await called.wait()
            await asyncio.to_thread(seen.wait_for, "deepseek")
            seen.press(CTRL_C)
            code = await asyncio.to_thread(seen.wait)
            assert code == 130, seen.text
            assert "Traceback" not in seen.text
            assert seen.raw.count(b"\x1b[?25l") == seen.raw.count(b"\x1b[?25h")
            # The connection to the provider was closed.
            async with asyncio.timeout(60):
                await cancelled.wait()
