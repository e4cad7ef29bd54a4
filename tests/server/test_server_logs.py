"""The log of a server: a line a request, without prompts, answers, keys or forged lines."""

import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process

FORMATS = ("json", "console")
STARTS_LIKE_A_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+ *\] \S")


PLUGINS = {
    "acme": """
import asyncio, logging, warnings
from contextlib import asynccontextmanager
from coro_core import RateLimited, hookimpl
from support.plugins import Echo, answer, model

class Plugin(Echo):
    models = tuple(map(model, ("fine", "raises", "exits", "orphans", "limited", "late", "talks")))

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        self.key = environ["ACME_API_KEY"]
        yield
        raise ValueError(self.key)

    async def generate(self, request):
        text = f"{request.prompt} {self.key}"
        match request.model.removesuffix("-upstream"):
            case "raises":
                try:
                    raise KeyError(text)
                except KeyError as exc:
                    exc.add_note(text)
                    raise ValueError(text) from exc
            case "exits":
                raise SystemExit(text)
            case "orphans":
                async def orphan():
                    raise ValueError(text)
                await asyncio.wait({asyncio.create_task(orphan(), name=text)})
            case "limited":
                raise RateLimited("Ask Acme.", retry_after=600)
            case "late":
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.3)
                    raise ValueError(text)
            case "talks":
                logging.getLogger("acme_sdk").debug("POST %s", text)
                logging.getLogger("acme_sdk").info("POST %s", text)
                warnings.warn("acme_sdk is old")
        return answer("CANARY-ANSWER")
""",
    "keyless": """
from contextlib import asynccontextmanager
from coro_core import hookimpl
from support.plugins import Echo

class Plugin(Echo):
    models = ()

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        raise ValueError(environ["ACME_API_KEY"])
        yield
""",
    "unloadable": "raise RuntimeError('CANARY-TEXT')",
    "unlisted": """
from coro_core import hookimpl
from support.plugins import Echo

class Plugin(Echo):
    @hookimpl
    def coro_list_models(self, environ):
        raise ValueError(environ["ACME_API_KEY"])
""",
}
MODELS = ("fine", "raises", "exits", "orphans", "limited", "late", "talks")
CODES = [None, "plugin_fault", "plugin_fault", None, "rate_limited", "timeout", None]
FORGED = '\r\n{"message": "FORGED"}\n'
THIRD_PARTY = (f"fine{FORGED}", "fine\x1b[2J", "fine\u2028FORGED", "fine\x85FORGED")
PATHS = (
    "/%0d%0a%7B%22message%22:%22FORGED%22%7D%0a",
    "/%1b%5b2J",
    "/%e2%80%a8FORGED",
    "/%c2%85FORGED",
    "/chat/acme:x%1b%5b2J",
    "/%00",
    f"/{'long' * 500}",
)
RAW_IDS = (b"a\x1b[2J", b"a\xe2\x80\xa8FORGED", b"a FORGED", b"a" * 65, b"a\r\n FORGED", b"\xff")


Events = list[dict[str, Any]]


@dataclass
class Run:
    """The lines of a server, and the expected numbers of requests, answers and failures."""

    lines: Sequence[str]
    requests: int
    answered: int
    """Requests that at least one model answered."""
    failures: int


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    return {format: provoked(format, tmp_path_factory) for format in FORMATS}


@pytest.fixture(params=FORMATS)
def run(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    return runs[request.param]


@pytest.fixture
def events(runs: dict[str, Run]) -> Events:
    return [json.loads(line) for line in runs["json"].lines]


def provoked(format: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Send a server, at level debug, everything that must not come out in its log."""
    installer = Installer(tmp_path_factory.mktemp("site"))
    for name, source in PLUGINS.items():
        installer.add_source(name, source)
    environ = {
        **NO_REAL_PLUGINS,
        "PYTHONPATH": f"{installer.directory}:{TESTS}",
        "ACME_API_KEY": "CANARY-KEY",
        "CORO_LOG_LEVEL": "debug",
        **({} if format == "json" else {"CORO_LOG_FORMAT": format}),
    }
    folder = tmp_path_factory.mktemp("work")
    secret = {"Authorization": "Bearer CANARY-HEADER", "Cookie": "CANARY-COOKIE=1"}
    requests = 0
    with Process("serve", "--port", "0", cwd=folder, environ=environ) as server:
        address = server.address()
        with httpx.Client(base_url=address, headers=secret, timeout=60) as client:
            body = {"prompt": "CANARY-PROMPT", "models": [*MODELS, *THIRD_PARTY], "timeout": 1.5}
            response = client.post("/chat", json=body, headers={"X-Request-ID": "chat-1"})
            assert [row["error_code"] for row in response.json()["responses"]] == [
                *CODES,
                *["unknown_model"] * len(THIRD_PARTY),
            ]
            client.post("/chat/fine", json={"prompt": "CANARY-PROMPT"})
            client.post("/chat", json={"prompt": ["CANARY-PROMPT"], "CANARY-FIELD": 1})
            client.post("/chat", content=b'{"prompt": "CANARY-PROMPT",}')
            client.get("/models?key=CANARY-QUERY", headers={"X-Request-ID": "list-1"})
            requests += 5
            for path in PATHS:
                client.post(path, json={"prompt": "CANARY-PROMPT"})
                requests += 1
        host, port = address.removeprefix("http://").split(":")
        for raw_id in RAW_IDS:
            with socket.create_connection((host, int(port)), timeout=60) as raw:
                raw.sendall(
                    b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: "
                    + raw_id
                    + b"\r\n\r\n"
                )
                reply = b"".join(iter(partial(raw.recv, 65536), b""))
            # What is not HTTP at all is turned away before there is a request.
            requests += reply.startswith(b"HTTP/1.1 200 ")
            assert reply.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 "))
    failures = sum(code is not None for code in CODES) + len(THIRD_PARTY)
    failures += sum(path.startswith("/chat/") for path in PATHS)
    return Run(server.lines, requests, 2, failures)


@pytest.mark.parametrize(
    "canary", ["PROMPT", "ANSWER", "KEY", "TEXT", "HEADER", "COOKIE", "QUERY", "FIELD"]
)
def test_nothing_that_is_secret_is_in_the_log_even_at_level_debug(run: Run, canary: str) -> None:
    assert f"CANARY-{canary}" not in "".join(run.lines)


def test_there_is_one_line_a_request_and_one_a_failure_and_none_is_forged(run: Run) -> None:
    reported = [line for line in run.lines if re.search(r'"message": "request"|\] request ', line)]
    answered = [line for line in reported if "latency_ms" in line]
    failed = [line for line in run.lines if "model failed" in line]
    assert (len(reported), len(answered), len(failed)) == (run.requests, run.answered, run.failures)
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in run.lines)
    if run.lines[0].startswith("{"):
        assert all("message" in json.loads(line) for line in run.lines)
    else:
        assert all(STARTS_LIKE_A_LINE.match(line) for line in run.lines)
    assert not [line for line in run.lines if re.match(r'\s*({"message": "FORGED"|FORGED)', line)]


def test_a_request_is_reported_with_method_path_status_and_time(events: Events) -> None:
    requests = [event for event in events if event["message"] == "request"]
    [chat] = [event for event in requests if event["request_id"] == "chat-1"]
    assert (chat["method"], chat["path"], chat["status"]) == ("POST", "/chat", 200)
    assert type(chat["duration_ms"]) is int
    assert chat["level"] == "info"
    [listed] = [event for event in requests if event["request_id"] == "list-1"]
    assert (listed["method"], listed["path"], listed["status"]) == ("GET", "/models", 200)
    assert max(len(event["path"]) for event in requests) <= 200


def test_every_request_has_an_id_that_is_harmless_and_its_own(events: Events) -> None:
    ids = [event["request_id"] for event in events if event["message"] == "request"]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", request_id) for request_id in ids)


def test_the_models_that_answered_are_reported_with_their_request(events: Events) -> None:
    reported = [event for event in events if event["message"] == "request"]
    [chat] = [event for event in reported if event["request_id"] == "chat-1"]
    answered = [model for model, code in zip(MODELS, CODES, strict=True) if code is None]
    assert list(chat["latency_ms"]) == answered
    assert all(type(latency) is int for latency in chat["latency_ms"].values())
    assert chat["tokens"] == dict.fromkeys(answered, 3)
    assert chat["substituted"] == {}
    assert set(chat) == {
        *("message", "level", "timestamp", "request_id", "method", "path", "status"),
        *("duration_ms", "latency_ms", "tokens", "substituted"),
    }


def test_each_model_that_failed_is_reported_with_its_request_and_why(events: Events) -> None:
    calls = [
        event
        for event in events
        if event["message"] == "model failed" and event["request_id"] == "chat-1"
    ]
    failed = {model: code for model, code in zip(MODELS, CODES, strict=True) if code is not None}
    assert [call["model"] for call in calls] == [*failed, *THIRD_PARTY]
    assert [call["error_code"] for call in calls[: len(failed)]] == list(failed.values())
    assert {call["level"] for call in calls} == {"warning"}
    by_model = {call["model"]: call for call in calls}
    assert by_model["limited"]["upstream_model"] == "limited-upstream"
    assert by_model["late"]["latency_ms"] >= 1500
    assert by_model[THIRD_PARTY[0]]["upstream_model"] is None


def test_a_fault_of_a_plugin_is_reported_by_class_and_place(events: Events) -> None:
    faults = [event for event in events if event["message"] == "plugin fault"]
    assert {event["why"].split()[0] for event in faults} == {"ValueError", "SystemExit"}
    assert all(event["plugin"] == "acme" for event in faults)
    assert all(" at source_acme.py:" in event["why"] for event in faults)
    [orphan] = [event for event in events if event["message"].startswith("Task exception")]
    assert re.fullmatch(r"ValueError at source_acme\.py:\d+ in orphan", orphan["why"])
    [closing] = [event for event in events if event["message"] == "plugin did not close"]
    assert closing["why"].startswith("ValueError at source_acme.py:")
    [late] = [event for event in events if event["message"] == "call goes on after its deadline"]
    assert (late["model"], late["abandoned"]) == ("late", True)


def test_every_plugin_is_reported_at_the_start_with_its_state_and_reason(events: Events) -> None:
    plugins = {event["plugin"]: event for event in events if event["message"] == "plugin"}
    assert plugins["acme"]["state"] == "ready"
    assert plugins["acme"]["level"] == "info"
    assert plugins["acme"]["models"] == list(MODELS)
    reasons = {name: event["reason"] or "" for name, event in plugins.items()}
    for name, reason in {
        "keyless": "it failed to start: ValueError at source_keyless.py:",
        "unloadable": "it cannot be loaded: RuntimeError at source_unloadable.py:",
        "unlisted": "coro_list_models failed: ValueError at source_unlisted.py:",
    }.items():
        assert plugins[name]["state"] == "failed"
        assert plugins[name]["level"] == "warning"
        assert reasons[name].startswith(reason)


def test_warnings_of_libraries_are_in_the_log(events: Events) -> None:
    [warned] = [event for event in events if "acme_sdk is old" in event["message"]]
    assert warned["level"] == "warning"
