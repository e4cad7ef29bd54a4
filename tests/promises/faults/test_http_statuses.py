"""Every status that a provider over HTTP can answer with, in words that must not get out."""

import asyncio

import pytest

from coro_core.testing import Call
from support.faults.canaries import PROVIDER_TEXT
from support.faults.harness import fault_harness
from support.faults.replies import completion, error_body, map_error, raw, reply
from support.faults.statuses import OWN_MEANING, STATUSES, WAITS, WITHOUT_A_BODY

HTTP_PLUGINS = ("deepseek", "gemini-genai", "groq", "openai")


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_every_status_costs_its_own_row(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for status, usual in STATUSES.items():
            code = OWN_MEANING.get((plugin, status), usual)
            body = b"" if status in WITHOUT_A_BODY else error_body
            await harness.survives(f"status {status}", code, raw_reply=reply(body, status))
            if status == 206:
                whole = reply(completion, status)
                await harness.survives(f"status {status} with an answer", code, raw_reply=whole)


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_every_wait_that_a_provider_asks_for_is_read_with_care(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for value, wait in WAITS.items():
            asked = map_error(429, {"retry-after": value})
            name = f"Retry-After {value[:30]!r}"
            row = await harness.survives(name, "rate_limited", raw_reply=asked)
            with harness.cases.case(f"{name} is reported as {wait}"):
                assert row["retry_after_s"] == wait
        row = await harness.survives(
            "503 with Retry-After", "overloaded", raw_reply=map_error(503, {"retry-after": "7"})
        )
        with harness.cases.case("503 with Retry-After is reported as 7.0"):
            assert row["retry_after_s"] == 7.0


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_only_errors_that_a_retry_may_cure_are_retried_once(plugin: str) -> None:
    again = {408, 409, 429, 498, 502, 504, 599}
    once = {206, 304, 400, 401, 402, 403, 413, 422}
    async with fault_harness(plugin) as harness:
        for status in sorted(again | once):
            harness.behaviour.calls.clear()
            with harness.cases.case(f"status {status} with time for a retry"):
                body = b"" if status in WITHOUT_A_BODY else error_body
                with harness.script(raw_reply=reply(body, status)):
                    await harness.fails(STATUSES[status], timeout=3.0)
                assert len(harness.behaviour.calls) == 1 + (status in again)


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_a_redirect_is_never_followed(plugin: str) -> None:
    visits: list[object] = []

    async def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        writer.close()

    elsewhere = await asyncio.start_server(visited, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    async with elsewhere, fault_harness(plugin) as harness:
        for status in (301, 302, 303, 307, 308):
            to = {"location": f"http://127.0.0.1:{port}/v1/chat/completions?key={PROVIDER_TEXT}"}
            script = map_error(status, to)
            await harness.survives(f"redirect {status}", "upstream_error", raw_reply=script)
    assert visits == []


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_replies_before_the_reply_do_not_matter_unless_they_never_end(plugin: str) -> None:
    async def after_many(call: Call):
        yield b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" * 500
        async for chunk in reply(completion)(call):
            yield chunk

    async def without_end(_: Call):
        while True:
            yield b"HTTP/1.1 102 Processing\r\n\r\n"
            await asyncio.sleep(0.01)

    async with fault_harness(plugin) as harness:
        await harness.survives("500 early hints, then an answer", None, raw_reply=after_many)
        await harness.survives("interim replies without end", "timeout", raw_reply=without_end)
        lonely = raw(b"HTTP/1.1 100 Continue\r\n\r\n")
        await harness.survives("an interim reply alone", "connection_failed", raw_reply=lonely)


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_a_cookie_is_not_sent_back(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        with harness.cases.case("Set-Cookie"):
            cookie = {"set-cookie": f"session={PROVIDER_TEXT}; Path=/; Max-Age=9999"}
            with harness.script(raw_reply=reply(completion, headers=cookie)):
                await harness.fails(None)
            await harness.recovers()
            assert "cookie" not in harness.behaviour.calls[-1].headers
            await harness.settled()
