"""Opening, closing and connecting: settings, lost servers, output of the SDKs."""

import asyncio

import pytest

from coro_core import ConnectionFailed, NotConfigured
from coro_core.testing import Behaviour
from coro_gemini import GeminiPlugin
from support.faults.fault_proxy import proxy_before


async def test_a_client_reconnects_when_the_server_is_back(simulator, request_for):
    plugin = GeminiPlugin()

    async def reconnected():
        while True:
            try:
                return await plugin.coro_generate(request_for())
            except ConnectionFailed:
                await asyncio.sleep(0.05)

    async with asyncio.timeout(20), proxy_before(simulator["GEMINI_BASE_URL"]) as proxy:
        environ = {**simulator, "GEMINI_BASE_URL": f"http://127.0.0.1:{proxy.port}"}
        async with plugin.coro_lifespan(environ):
            await proxy.shut()
            with pytest.raises(ConnectionFailed):
                await plugin.coro_generate(request_for())
            await proxy.open()
            assert (await reconnected()).text


@pytest.mark.parametrize("other", ["google-generativeai", "google-genai"])
async def test_two_plugins_in_one_process_share_nothing(sdk, other, request_for):
    one, two = GeminiPlugin(), GeminiPlugin()
    first, second = Behaviour(key="key-one"), Behaviour(key="key-two")
    async with (
        one.coro_simulator(first) as to_one,
        two.coro_simulator(second) as to_two,
        one.coro_lifespan({**to_one, "GEMINI_SDK": sdk}),
        two.coro_lifespan({**to_two, "GEMINI_SDK": other}),
    ):
        for _ in range(3):
            await asyncio.gather(*(each.coro_generate(request_for()) for each in (one, two)))
    assert {call.headers["x-goog-api-key"] for call in first.calls} == {"key-one"}
    assert {call.headers["x-goog-api-key"] for call in second.calls} == {"key-two"}
    assert len(first.calls) == len(second.calls) == 3


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "GEMINI_API_KEY is not set; get one at https://aistudio.google.com/apikey."),
        ({"GEMINI_API_KEY": " "}, "GEMINI_API_KEY is set but blank; get one at"),
        ({"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": "http://192.0.2.1"}, "is plain http to"),
        (
            {
                "GEMINI_API_KEY": "k",
                "GEMINI_BASE_URL": "https://a.example/v1",
                "GEMINI_SDK": "google-generativeai",
            },
            "GEMINI_BASE_URL holds a path; give scheme, host and port only, or set"
            " GEMINI_SDK=google-genai.",
        ),
    ],
)
async def test_settings_that_cannot_be_used_are_named_in_one_sentence(environ, sentence):
    with pytest.raises(NotConfigured) as caught:
        async with GeminiPlugin().coro_lifespan(environ):
            pass
    assert sentence in str(caught.value)


@pytest.mark.parametrize("option", ["always", "error"])
def test_the_sdk_writes_nothing_to_stderr(sdk, option, run_python):
    status, stdout, stderr = run_python(
        f"""
        import asyncio
        from coro_core import GenerateRequest, ProviderError
        from coro_core.testing import Behaviour
        from coro_gemini import GeminiPlugin

        async def main():
            plugin, behaviour = GeminiPlugin(), Behaviour()
            async with plugin.coro_simulator(behaviour) as environ:
                for scheme in ("http", "https"):
                    address = environ["GEMINI_BASE_URL"].replace("http", scheme)
                    environ = {{**environ, "GEMINI_BASE_URL": address, "GEMINI_SDK": "{sdk}"}}
                    async with plugin.coro_lifespan(environ):
                        try:
                            await plugin.coro_generate(GenerateRequest(
                                model="gemini-3.5-flash-lite", prompt="2+2",
                                temperature=0, max_tokens=9, timeout=5,
                            ))
                            print("answered")
                        except ProviderError as exc:
                            print(exc.code)

        asyncio.run(main())
        """,
        "-W",
        option,
    )
    assert (status, stdout.split(), stderr) == (0, ["answered", "connection_failed"], "")
