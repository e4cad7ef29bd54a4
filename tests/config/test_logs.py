"""The log: one line per event of any logger, without prompts, answers, keys or forged lines."""

import asyncio
import gc
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from coro_core.config.logs import configure_logs
from support.logs import logging_as_it_was

FORMATS = ("json", "console")
# What would start a line of its own, move the cursor, or hide what follows.
HOSTILE = "x\r\n{}\x1b[2J\x9b\x85\u2028\u202e"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with logging_as_it_was():
        yield


class Stream(io.StringIO):
    """A standard error that records its events, as a terminal or not."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().split("\n")[:-1]]


def configured(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool = False, **options: Any
) -> Stream:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs(**options)
    return stream


def test_off_a_terminal_an_event_is_a_line_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    structlog.get_logger("coro.test").warning("reported", number=7, text="é", nothing=None)
    [event] = stream.events
    timestamp = event.pop("timestamp")
    assert event == {
        "message": "reported",
        "level": "warning",
        "number": 7,
        "text": "é",
        "nothing": None,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", timestamp)
    assert stream.getvalue().isascii()


def test_on_a_terminal_an_event_is_a_line_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch, terminal=True)
    structlog.get_logger("coro.test").warning("reported", number=7)
    [line] = stream.lines
    plain = re.sub(r"\x1b\[[\d;]*m", "", line)
    assert plain != line
    assert re.fullmatch(r"\S+Z \[warning *\] reported +number=7", plain)


def test_readable_lines_that_do_not_go_to_a_terminal_have_no_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = configured(monkeypatch, format="console")
    structlog.get_logger("coro.test").warning("reported", number=7)
    assert re.fullmatch(r"\S+Z \[warning *\] reported +number=7\n", stream.getvalue())


def test_json_can_be_had_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch, terminal=True, format="json")
    structlog.get_logger("coro.test").warning("reported")
    assert stream.events[0]["message"] == "reported"


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_is_the_least_of_ours_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    stream = configured(monkeypatch, level=level)
    levels = ["debug", "info", "warning", "error"]
    for name in levels:
        getattr(structlog.get_logger("coro.test"), name)(name)
        getattr(logging.getLogger("uvicorn.error"), name)(name)
    expected = [name for name in levels[levels.index(level) :] for _ in range(2)]
    assert [event["level"] for event in stream.events] == expected


@pytest.mark.parametrize("name", ["acme_sdk", "acme_sdk.transport", "httpx", "groq", "asyncio"])
def test_only_warnings_of_libraries_are_logged_because_their_debug_lines_quote_requests(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stream = configured(monkeypatch, level="debug")
    logger = logging.getLogger(name)
    logger.debug("POST with canary")
    logger.info("POST with canary")
    logger.warning("slow")
    assert [event["message"] for event in stream.events] == ["slow"]


def test_libraries_obey_the_log_level_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch, level="error")
    logging.getLogger("acme_sdk").warning("slow")
    assert stream.events == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["uvicorn.error", "acme_sdk", "coro.test"])
def test_an_exception_is_reported_by_class_and_place_without_its_text_or_its_locals(
    monkeypatch: pytest.MonkeyPatch, format: str, name: str
) -> None:
    stream = configured(monkeypatch, format=format)
    prompt = "canary"
    log = structlog.get_logger(name) if name == "coro.test" else logging.getLogger(name)
    try:
        raise ValueError(prompt) from KeyError(prompt)
    except ValueError as exc:
        log.exception("it failed")
        log.error("it failed", exc_info=exc)
    assert "canary" not in stream.getvalue()
    assert len(stream.lines) == 2
    for line in stream.lines:
        assert "it failed" in line
        assert re.search(r"ValueError at test_logs\.py:\d+ in test_an_exception", line)


@pytest.mark.parametrize("format", FORMATS)
def test_the_error_of_a_task_that_nobody_awaits_is_reported_without_its_text(
    monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    stream = configured(monkeypatch, format=format)

    async def orphan(prompt: str) -> None:
        raise ValueError(prompt)

    async def main() -> None:
        task = asyncio.create_task(orphan("canary"), name="canary")
        await asyncio.wait({task})
        del task
        gc.collect()

    asyncio.run(main())
    [line] = stream.lines
    assert "Task exception was never retrieved" in line
    assert re.search(r"ValueError at test_logs\.py:\d+ in orphan", line)
    assert "canary" not in line


@pytest.mark.parametrize("format", FORMATS)
def test_a_warning_is_a_line_of_the_log(monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    with warnings.catch_warnings():
        # Not as pytest has them, who keeps warnings for itself.
        warnings.simplefilter("always")
        stream = configured(monkeypatch, format=format)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    [line] = stream.lines
    assert "DeprecationWarning: old" in line
    assert "warning" in line


@pytest.mark.parametrize("format", FORMATS)
def test_no_text_starts_a_line_or_moves_a_cursor(
    monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    stream = configured(monkeypatch, format=format)
    structlog.get_logger("coro.test").info(
        HOSTILE, path=HOSTILE, listed=[HOSTILE], mapped={"k": HOSTILE}
    )
    logging.getLogger("uvicorn.error").info("%s", HOSTILE)
    text = stream.getvalue()
    assert text.count("\n") == len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


def test_json_holds_texts_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    structlog.get_logger("coro.test").info("reported", path=HOSTILE)
    assert stream.events[0]["path"] == HOSTILE


def test_every_line_has_the_fields_of_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = configured(monkeypatch)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("coro.test").info("ours")
        logging.getLogger("acme_sdk").warning("theirs")
    structlog.get_logger("coro.test").info("later")
    assert [event.get("request_id") for event in stream.events] == ["r-1", "r-1", None]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


class Strange:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("stream", [Full(), None], ids=["full", "closed at the start"])
def test_an_output_that_fails_does_not_reach_the_caller(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs()
    structlog.get_logger("coro.test").error("reported")
    logging.getLogger("acme_sdk").error("reported")


@pytest.mark.parametrize("format", FORMATS)
def test_a_line_that_cannot_be_written_is_dropped_and_the_next_is_not(
    monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    stream = configured(monkeypatch, format=format)
    structlog.get_logger("coro.test").error("reported", value=Strange())
    logging.getLogger("acme_sdk").error("%s %s", "one argument")
    structlog.get_logger("coro.test").error("next")
    assert len(stream.lines) == 1
    assert "next" in stream.getvalue()


def test_a_server_that_set_up_logs_of_its_own_does_not_say_everything_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Stream()
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addHandler(logging.StreamHandler(own))
        logging.getLogger(name).propagate = False
    stream = configured(monkeypatch)
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.access").info("GET /health")
    assert [event["message"] for event in stream.events] == ["started"]
    assert own.getvalue() == ""


def test_logs_can_be_set_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = configured(monkeypatch)
    log = structlog.get_logger("coro.test")
    log.info("one")
    second = configured(monkeypatch, format="console")
    log.info("two")
    assert [event["message"] for event in first.events] == ["one"]
    assert "two" in second.getvalue()
    assert len(second.lines) == 1
