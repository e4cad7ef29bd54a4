"""The log's output: its faults cost no request, and lost lines are counted."""

import fcntl
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from coro_core.config.log_writer import ThreadedHandler
from support.inherited import inherited
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import START_SECONDS, wait_until_it_listens

CALLER_SECONDS = 5.0
"""Longest wait of a caller. A log that blocks the server blocks it without end."""

PLUGIN = """
from coro_core import RateLimited
from support.plugins import Echo, answer, model

class Plugin(Echo):
    models = (model("fine"), model("raises"), model("limited"))

    async def generate(self, request):
        match request.model.removesuffix("-upstream"):
            case "raises":
                raise ValueError(request.prompt)
            case "limited":
                raise RateLimited("Ask Acme.", retry_after=600)
        return answer("fine")
"""


# --- the handler, before a pipe


class Pipe:
    """A pipe of one page; nobody reads it until it is read."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, 4096)

    def fill(self) -> None:
        """Leave no room in it."""
        os.set_blocking(self.writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.writing, b"\n" * 4096)
        os.set_blocking(self.writing, True)

    def read_until(self, pattern: str) -> list[str]:
        """Read lines until one matches."""
        lines = []
        with os.fdopen(os.dup(self.reading)) as stream:
            for line in stream:
                lines.append(line.removesuffix("\n"))
                if re.search(pattern, line):
                    return lines
        raise AssertionError(f"{pattern!r} did not come")

    def close(self) -> None:
        for descriptor in (self.reading, self.writing):
            with suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    # A thread that still writes gets an error, and goes on to wait for lines.
    pipe.close()


class ObservedStream(io.TextIOWrapper):
    """A stream that sets an event when it is asked for its descriptor, as before each write."""

    def __init__(self, descriptor: int) -> None:
        self.asked = threading.Event()
        super().__init__(os.fdopen(descriptor, "wb"))

    def fileno(self) -> int:
        self.asked.set()
        return super().fileno()


@contextmanager
def logger_into(pipe: Pipe, capacity: int) -> Iterator[logging.Logger]:
    """Yield a logger whose lines go into a pipe."""
    with ObservedStream(os.dup(pipe.writing)) as stream, logger_before(stream, capacity) as logger:
        yield logger


@contextmanager
def logger_before(stream: ObservedStream, capacity: int) -> Iterator[logging.Logger]:
    """Yield a logger whose lines go into a stream."""
    logger = logging.Logger("test")
    handler = ThreadedHandler(stream, capacity)
    logger.addHandler(handler)
    yield logger
    handler.close()


def test_dropped_lines_are_counted_and_the_number_is_logged_later(pipe: Pipe) -> None:
    with (
        ObservedStream(os.dup(pipe.writing)) as stream,
        logger_before(stream, capacity=50) as logger,
    ):
        pipe.fill()
        stream.asked.clear()
        logger.info("line 0")
        assert stream.asked.wait(60)
        # That line hangs in the write, the next ones wait, all others are left out.
        for number in range(1, 500):
            logger.info("line %d", number)
        lines = [line for line in pipe.read_until("left out") if line]
        logger.info("later")
        assert pipe.read_until("later") == ["later"]
    *reported, notice = lines
    [left_out] = re.findall(r"(\d+) lines were left out here: nobody was reading", notice)
    assert reported == [f"line {number}" for number in range(len(reported))]
    assert 50 <= len(reported) < 500
    assert len(reported) + int(left_out) == 500


def test_lines_of_several_threads_stay_whole_and_in_order(pipe: Pipe) -> None:
    def log(name: int) -> None:
        for number in range(200):
            logger.info("%d %d %s", name, number, "x" * 100)

    with logger_into(pipe, capacity=10_000) as logger:
        threads = [threading.Thread(target=log, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        reader = threading.Thread(target=lambda: lines.extend(pipe.read_until("^end$")))
        lines: list[str] = []
        reader.start()
        for thread in threads:
            thread.join()
        logger.info("end")
        reader.join()
    words = [line.split() for line in lines[:-1]]
    for name in range(4):
        assert [word[1] for word in words if word[0] == str(name)] == [str(n) for n in range(200)]
    assert len(words) == 800


def test_no_thread_is_started_before_the_first_line(pipe: Pipe) -> None:
    before = set(threading.enumerate())
    with logger_into(pipe, capacity=10) as logger:
        assert set(threading.enumerate()) == before
        logger.info("one")
        assert pipe.read_until("one") == ["one"]
        assert len(set(threading.enumerate()) - before) == 1


def test_first_lines_of_several_threads_start_one_writer_and_lose_nothing(
    tmp_path: Path,
) -> None:
    threads, trials = 8, 100
    failures: list[BaseException] = []

    def write(handler: ThreadedHandler, start: threading.Barrier) -> None:
        start.wait()
        try:
            handler.write("first")
            handler.write("second")
        except BaseException as exc:
            failures.append(exc)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for trial in range(trials):
            with (tmp_path / str(trial)).open("w") as stream:
                handler, start = ThreadedHandler(stream), threading.Barrier(threads)
                writers = [
                    threading.Thread(target=write, args=(handler, start)) for _ in range(threads)
                ]
                for writer in writers:
                    writer.start()
                for writer in writers:
                    writer.join()
                handler.close()
            lines = (tmp_path / str(trial)).read_text().splitlines()
            assert failures == []
            assert sorted(lines) == ["first"] * threads + ["second"] * threads
    finally:
        sys.setswitchinterval(interval)


def test_a_signal_handler_may_log_while_a_line_is_queued(tmp_path: Path) -> None:
    script = """
        import signal, time
        log = logging.getLogger("coro")
        signal.signal(signal.SIGALRM, lambda *_: log.info("handled"))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(3000):
            log.info("line %d", number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        """
    result = run_script(script, tmp_path)
    assert result.returncode == 0
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert [text for text in messages if text != "handled"] == [f"line {n}" for n in range(3000)]
    assert "handled" in messages


def test_a_forked_process_writes_its_own_lines_and_none_of_its_parents(tmp_path: Path) -> None:
    result = run_script(
        """
        # From Python 3.12 on a fork warns when there are threads, as there is the writer's here.
        warnings.simplefilter("ignore", DeprecationWarning)
        log = logging.getLogger("coro")
        log.info("of the parent")
        if os.fork() == 0:
            log.info("of the child")
            sys.exit()
        os.wait()
        """,
        tmp_path,
    )
    assert result.returncode == 0
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert sorted(messages) == ["of the child", "of the parent"]


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit"])
def test_the_end_of_a_process_waits_for_its_last_lines(tmp_path: Path, end: str) -> None:
    script = f"""
        for number in range(3000):
            logging.getLogger("coro").info("line %d", number)
        {end}
        """
    result = run_script(script, tmp_path)
    assert result.returncode == 0
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert messages == [f"line {number}" for number in range(3000)]


def test_the_end_of_a_process_waits_a_bounded_time_for_a_reader(tmp_path: Path, pipe: Pipe) -> None:
    pipe.fill()
    script = 'logging.getLogger("coro").info("reported")'
    assert run_script(script, tmp_path, stderr=pipe.writing).returncode == 0


def run_script(
    script: str, folder: Path, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run lines of Python in a process whose logs are set up as a server's."""
    lines = [line.removeprefix(" " * 8) for line in script.splitlines()]
    start = "import logging, os, sys, warnings\nfrom coro_core.config.logs import configure_logs"
    lines = ["configure_logs()", *lines]
    return subprocess.run(
        [sys.executable, "-c", "\n".join([start, *lines])],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )


# --- a server


@contextmanager
def serving(
    install: Installer, folder: Path, output: int | None, *, shell: str = ""
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve with its output going somewhere; yield the address and the process."""
    install.add_source("acme", PLUGIN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    command = [sys.executable, "-m", "coro_core", "serve", "--port", str(address[1])]
    if shell:
        # Popen has no word for a descriptor that is closed.
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={
            **NO_REAL_PLUGINS,
            **inherited("PATH"),
            "PYTHONPATH": f"{install.directory}:{TESTS}",
            "CORO_LOG_LEVEL": "debug",
        },
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    try:
        wait_until_it_listens(server, address[1])
        yield f"http://127.0.0.1:{address[1]}", server
        assert server.poll() is None
        server.terminate()
        assert server.wait(START_SECONDS) in (0, -signal.SIGTERM)
    finally:
        server.kill()
        server.wait()


def is_well(address: str) -> None:
    """Assert that requests of every outcome are answered, each in time."""
    with httpx.Client(base_url=address, timeout=CALLER_SECONDS) as client:
        for _ in range(3):
            body = {"prompt": "Hello", "models": ["fine", "raises", "limited"], "timeout": 2}
            response = client.post("/chat", json=body)
            assert response.status_code == 200
            assert response.json()["succeeded"] == 1
        assert client.post("/chat", content=b"{").status_code == 422
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("state", ["stdout closed", "both closed", "full", "broken"])
def test_a_log_that_cannot_be_written_costs_no_request(
    install: Installer, tmp_path: Path, state: str
) -> None:
    shell = {"stdout closed": ">&-", "both closed": ">&- 2>&-"}.get(state, "")
    reading, broken = os.pipe()
    os.close(reading)
    full = os.open("/dev/full", os.O_WRONLY)
    output = {"full": full, "broken": broken}.get(state)
    try:
        with serving(install, tmp_path, output, shell=shell) as (address, _):
            is_well(address)
    finally:
        os.close(broken)
        os.close(full)


def test_an_unread_log_costs_no_request_and_dropped_lines_are_reported(
    install: Installer, tmp_path: Path, pipe: Pipe
) -> None:
    pipe.fill()
    with serving(install, tmp_path, pipe.writing) as (address, _):
        is_well(address)
        models = ["fine", *(f"unknown-{number}" for number in range(19))]
        with httpx.Client(base_url=address, timeout=CALLER_SECONDS) as client:
            # More lines than the pipe and the queue hold: 21 for each.
            for _ in range(420):
                body = {"prompt": "Hello", "models": models}
                assert client.post("/chat", json=body).status_code == 200
            lines = pipe.read_until("left out")
            is_well(address)
            events = [json.loads(line) for line in lines if line]
    assert events[-1]["level"] == "warning"
    assert int(events[-1]["message"].split()[0]) > 0
    assert events[0]["message"].startswith("Started server process")


def test_a_server_with_an_unread_log_stops_on_a_signal(
    install: Installer, tmp_path: Path, pipe: Pipe
) -> None:
    pipe.fill()
    # That it stops, and how, is asserted at the end of `serving`.
    with serving(install, tmp_path, pipe.writing) as (address, _):
        is_well(address)
