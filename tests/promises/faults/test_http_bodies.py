"""Bodies and framings that no provider should send, and some do."""

from collections.abc import AsyncGenerator

import pytest

from coro_core.testing import Call
from support.faults.bodies import CHAT_BODIES, INVALID
from support.faults.canaries import PROVIDER_TEXT
from support.faults.framings import COMPRESSED, FRAMINGS, MEGABYTE, SLOW
from support.faults.harness import fault_harness
from support.faults.replies import head, raw, reply

CHAT_PLUGINS = ("deepseek", "groq", "openai")
HTTP_PLUGINS = (*CHAT_PLUGINS, "gemini-genai")


@pytest.mark.parametrize("plugin", CHAT_PLUGINS)
async def test_whatever_a_200_holds_costs_its_own_row(plugin: str) -> None:
    empty = "overloaded" if plugin == "deepseek" else INVALID
    async with fault_harness(plugin) as harness:
        for name, (body, code) in CHAT_BODIES.items():
            # Some of its services answer in parts: an answer, and no fault.
            if (plugin, name) != ("openai", "content that is a list"):
                await harness.survives(name, code, raw_reply=reply(body))
        # DeepSeek's way to say that a request's turn never came.
        await harness.survives("an empty body", empty, raw_reply=reply(b""))
        await harness.survives("blank lines alone", empty, raw_reply=reply(b"\n" * 30))


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_whatever_is_not_http_costs_its_own_row(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for name, (content, code) in FRAMINGS.items():
            await harness.survives(name, code, raw_reply=raw(content))


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_whatever_takes_too_long_is_cut_off_on_time(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for name, script in SLOW.items():
            await harness.survives(name, "timeout", raw_reply=script)


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_a_compressed_reply_is_not_unpacked(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for encoding, body in COMPRESSED.items():
            script = reply(body, headers={"content-encoding": encoding})
            await harness.survives(f"a body in {encoding}", INVALID, raw_reply=script)
        refused = reply(COMPRESSED["gzip"], 500, {"content-encoding": "gzip"})
        await harness.survives("a refusal in gzip", INVALID, raw_reply=refused)


FRAMES = {
    "with its length": {"content-length": str(100 * MEGABYTE)},
    "without a length": {},
    "in chunks": {"transfer-encoding": "chunked"},
}


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_no_more_of_a_huge_body_is_read_than_an_answer_can_have(plugin: str) -> None:
    sent = 0

    async with fault_harness(plugin) as harness:
        for status, code in ((200, INVALID), (500, INVALID)):
            for name, headers in FRAMES.items():
                chunk = (PROVIDER_TEXT * 4096).encode()
                if "transfer-encoding" in headers:
                    chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)

                async def pour(
                    call: Call, begin: bytes = chunk, status: int = status, headers=headers
                ) -> AsyncGenerator[bytes, None]:
                    nonlocal sent
                    sent = 0
                    yield head(call, status, headers)
                    while sent < 100 * MEGABYTE:
                        yield begin
                        sent += len(begin)

                fault = f"100 MB {name}, status {status}"
                await harness.survives(fault, code, timeout=1.5, raw_reply=pour)
                with harness.cases.case(f"{fault}: what was read of it"):
                    # What two sockets' buffers hold on top of the cap of 2 MiB.
                    assert sent < 20 * MEGABYTE
