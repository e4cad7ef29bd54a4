"""Lists of models that services were seen to give, as `coro check` reports them."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from coro_core.cli.check import run_check
from coro_core.cli.check_report import CheckReport
from coro_core.engine.engine import build_engine
from coro_core.testing import HttpReply, HttpRequest, json_reply, serve_http
from coro_openai.plugin import LIST_SECONDS, OpenAIPlugin
from support.plugins import Installer

PLUGINS = {"deepseek", "gemini", "groq", "openai"}
LISTED = json_reply({"data": [{"id": "m"}]})
BARE_LIST = json_reply([{"id": "m"}])
NO_LIST = HttpReply(b"<h1>Not Found</h1>", 404, {"content-type": "text/html"})
SILENT = None


async def checked(
    lists: Mapping[str, HttpReply | None], *, plugin: str = "openai", **more: str
) -> CheckReport:
    """Check services with these replies to `GET /models`; `None` is a reply that never comes."""
    others = ",".join(PLUGINS - {plugin})
    environ = {"CORO_DISABLED_PLUGINS": others, "CORO_DISCOVERY_INTERVAL": "0"}
    async with AsyncExitStack() as stack:
        for name, reply in lists.items():

            async def answer(_: HttpRequest, reply: HttpReply | None = reply) -> HttpReply:
                if reply is None:
                    await asyncio.sleep(3600)
                    raise AssertionError
                return reply

            address = await stack.enter_async_context(serve_http(answer))
            variable = f"CORO_OPENAI_{name.upper()}"
            environ |= {
                f"{variable}_BASE_URL": f"{address}/v1",
                f"{variable}_API_KEY": "a-key",
                f"{variable}_MODELS": f"{name}=m",
            }
        engine = build_engine({**environ, **more})
        async with engine.started():
            report = await run_check(engine, (), generate=False)
    report.providers = [it for it in report.providers if it.plugin == plugin]
    return report


@pytest.mark.parametrize("reply", [LISTED, BARE_LIST])
async def test_a_list_is_read_in_either_shape(reply: HttpReply) -> None:
    report = await checked({"lab": reply})
    assert report.usable
    assert [(it.key, it.served) for it in report.providers] == [("accepted", 1)]


async def test_a_service_without_a_list_leaves_its_key_unchecked() -> None:
    report = await checked({"lab": NO_LIST})
    [provider] = report.providers
    sentence = "Lab has no list of models; --generate checks the key."
    assert (provider.key, provider.reason, provider.served) == ("not checked", sentence, None)
    assert [(it.usable, it.reason) for it in report.models] == [(False, sentence)]


async def test_a_service_without_a_list_leaves_its_key_unchecked_beside_another() -> None:
    report = await checked({"box": LISTED, "lab": NO_LIST})
    [provider] = report.providers
    sentence = "Lab has no list of models; --generate checks the key."
    assert (provider.key, provider.reason, provider.served) == ("not checked", sentence, 1)
    found = {it.model: (it.usable, it.reason) for it in report.models}
    assert found == {"box": (True, None), "lab": (False, sentence)}


class ImpatientPlugin(OpenAIPlugin):
    """The plugin, with little time for a list."""

    def __init__(self) -> None:
        super().__init__(list_timeout=0.5)


async def test_a_service_that_hangs_is_named_and_takes_no_list_of_another(
    install: Installer,
) -> None:
    assert LIST_SECONDS <= 8
    install.add("impatient", ImpatientPlugin)
    began = time.monotonic()
    report = await checked({"box": LISTED, "lab": SILENT}, plugin="impatient")
    assert time.monotonic() - began < 8
    [provider] = report.providers
    sentence = "Lab sent no list within 0.5 s; --generate checks the key."
    assert (provider.key, provider.reason, provider.served) == ("not checked", sentence, 1)
    found = {it.model: (it.usable, it.reason) for it in report.models}
    assert found == {"box": (True, None), "lab": (False, sentence)}


async def test_an_unusable_address_is_not_reported_as_a_missing_key() -> None:
    report = await checked({"lab": LISTED}, CORO_OPENAI_LAB_BASE_URL="lab.example")
    [provider] = report.providers
    assert provider.key == "not checked"
    assert provider.reason is not None
    assert provider.reason.startswith("CORO_OPENAI_LAB_BASE_URL is not an http or https address")


async def test_a_key_that_is_not_set_is_reported_as_missing() -> None:
    report = await checked(
        {"lab": LISTED}, CORO_OPENAI_LAB_API_KEY="", CORO_OPENAI_LAB_KEYLESS="false"
    )
    assert [it.key for it in report.providers] == ["missing"]
