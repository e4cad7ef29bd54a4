"""The choice between Google's SDKs, by settings and installed versions, and their isolation."""

import asyncio
import importlib.metadata
import shutil
from importlib.metadata import PackageNotFoundError

import pytest

from coro_core import NotConfigured
from coro_core.testing import Behaviour
from coro_gemini import GeminiPlugin
from coro_gemini.settings import read_settings
from support.faults.certificates import certificate
from support.faults.fault_proxy import proxy_before

OLD, NEW = "google-generativeai", "google-genai"


def versions_of(versions):
    """Return a stand-in for `importlib.metadata.version` that knows only `versions`."""

    def version(name):
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    return version


@pytest.mark.parametrize("value", [None, "", " ", "auto", " auto "])
@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({OLD: "0.8.6"}, OLD),
        ({OLD: "0.8.6", NEW: "3.4.0"}, NEW),
        ({NEW: "3.9.1"}, NEW),
        ({OLD: "0.8.6", NEW: "1.64.0"}, OLD),
        ({OLD: "0.8.6", NEW: "3.3.9"}, OLD),
        ({OLD: "0.8.6", NEW: "4.0.0"}, OLD),
    ],
)
def test_auto_is_google_genai_when_it_is_installed(value, versions, expected):
    environ = (
        {"GEMINI_API_KEY": "k"} if value is None else {"GEMINI_API_KEY": "k", "GEMINI_SDK": value}
    )
    assert read_settings(environ, installed_version=versions_of(versions)).sdk == expected


@pytest.mark.parametrize("name", [OLD, NEW])
def test_a_named_sdk_is_used(name):
    environ = {"GEMINI_API_KEY": "k", "GEMINI_SDK": f" {name} "}
    assert read_settings(environ).sdk == name


@pytest.mark.parametrize(
    ("value", "versions", "sentence"),
    [
        (
            NEW,
            {OLD: "0.8.6"},
            "GEMINI_SDK asks for google-genai, of which no 3.4 or newer 3.x is installed; run pip"
            " install coro-gemini[genai].",
        ),
        (
            OLD,
            {NEW: "3.4.0"},
            "GEMINI_SDK asks for google-generativeai, of which no 0.8.x is installed; run pip"
            " install coro-gemini.",
        ),
        (
            "auto",
            {},
            "GEMINI_SDK is auto, and no SDK of Google's is installed; run pip install coro-gemini.",
        ),
        (
            "google",
            {},
            "GEMINI_SDK names no known SDK; use auto, google-generativeai or google-genai.",
        ),
    ],
)
def test_an_sdk_that_cannot_be_used_is_reported_in_one_sentence(value, versions, sentence):
    environ = {"GEMINI_API_KEY": "k", "GEMINI_SDK": value}
    with pytest.raises(NotConfigured) as caught:
        read_settings(environ, installed_version=versions_of(versions))
    assert caught.value.message == sentence


async def test_a_plugin_with_an_unknown_sdk_does_not_open():
    environ = {"GEMINI_API_KEY": "k", "GEMINI_SDK": "google"}
    with pytest.raises(NotConfigured, match="GEMINI_SDK names no known SDK"):
        async with GeminiPlugin().coro_lifespan(environ):
            pass


def test_the_extra_requires_the_versions_that_count_as_installed():
    [needed] = [
        line
        for line in importlib.metadata.requires("coro-gemini") or ()
        if line.startswith("google-genai")
    ]
    assert set(needed.partition(";")[0].strip().removeprefix(NEW).split(",")) == {">=3.4", "<4"}


@pytest.mark.parametrize(
    ("environ", "loaded"),
    [
        ({}, []),
        ({"GEMINI_API_KEY": "k", "GEMINI_SDK": OLD}, ["google.generativeai", "grpc"]),
        ({"GEMINI_API_KEY": "k", "GEMINI_SDK": NEW}, ["google.genai"]),
    ],
)
def test_only_the_chosen_sdk_is_loaded_and_only_with_a_key(environ, loaded, run_python):
    status, stdout, stderr = run_python(
        f"""
        import asyncio, sys
        from coro_core import NotConfigured
        from coro_gemini import GeminiPlugin

        async def main():
            plugin = GeminiPlugin()
            plugin.coro_list_models()
            assert not set(sys.modules) & {{"grpc", "google.generativeai", "google.genai"}}
            try:
                async with plugin.coro_lifespan({environ}):
                    pass
            except NotConfigured:
                pass

        asyncio.run(main())
        print([name for name in ("google.generativeai", "google.genai", "grpc")
               if name in sys.modules])
        """,
        "-W",
        "error",
    )
    assert (status, stdout.strip(), stderr) == (0, str(loaded), "")


def test_the_rest_simulator_loads_neither_sdk(run_python):
    status, stdout, stderr = run_python(
        """
        import asyncio, sys, urllib.request
        from coro_core.testing import Behaviour
        from coro_gemini import GeminiPlugin

        async def main():
            async with GeminiPlugin().coro_simulator(Behaviour()) as environ:
                request = urllib.request.Request(
                    environ["GEMINI_BASE_URL"] + "/v1beta/models",
                    headers={"x-goog-api-key": environ["GEMINI_API_KEY"]},
                )
                reply = await asyncio.to_thread(urllib.request.urlopen, request)
                print(reply.status)

        asyncio.run(main())
        print({"grpc", "google.generativeai", "google.genai"} & set(sys.modules))
        """
    )
    assert (status, stdout.split(), stderr) == (0, ["200", "set()"], "")


async def test_nothing_is_read_from_the_environment_of_the_process(
    sdk, simulator, behaviour, request_for, monkeypatch, tmp_path
):
    for name, value in {
        "GOOGLE_API_KEY": "a-key-of-the-process",
        "GEMINI_API_KEY": "another-key-of-the-process",
        "GEMINI_SDK": "nonsense",
        "GEMINI_BASE_URL": "http://127.0.0.1:9",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_USE_ENTERPRISE": "true",
        "GOOGLE_GENAI_API_VERSION": "v0",
        "GOOGLE_GENAI_HTTP_CLIENT": "httpx2",
        "GOOGLE_GENAI_CLIENT_MODE": "record",
        "GOOGLE_GENAI_REPLAYS_DIRECTORY": str(tmp_path),
        "GOOGLE_API_USE_CLIENT_CERTIFICATE": "nonsense",
        "GOOGLE_API_USE_MTLS_ENDPOINT": "nonsense",
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "a-domain",
        "GOOGLE_CLOUD_PROJECT": "a-project",
        "GOOGLE_CLOUD_LOCATION": "a-place",
        "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "grpc_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "SSL_CERT_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    plugin = GeminiPlugin()
    async with plugin.coro_lifespan(simulator):
        await plugin.coro_generate(request_for())
        assert await plugin.coro_live_models()
    [call] = behaviour.calls
    sent = str(dict(call.headers))
    assert call.headers["x-goog-api-key"] == simulator["GEMINI_API_KEY"]
    assert "of-the-process" not in sent
    assert "a-project" not in sent
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
async def test_no_environment_variable_adds_a_trusted_certificate(
    sdk, simulator, run_python, tmp_path
):
    context = certificate(tmp_path, "untrusted", "IP:127.0.0.1")
    async with proxy_before(simulator["GEMINI_BASE_URL"], context) as proxy:
        environ = {**simulator, "GEMINI_BASE_URL": f"https://127.0.0.1:{proxy.port}"}
        code = f"""
        import asyncio
        from coro_core import GenerateRequest, ProviderError
        from coro_gemini import GeminiPlugin

        async def main():
            plugin = GeminiPlugin()
            async with plugin.coro_lifespan({environ}):
                try:
                    await plugin.coro_generate(GenerateRequest(
                        model="gemini-3.5-flash-lite", prompt="2+2",
                        temperature=0, max_tokens=9, timeout=5,
                    ))
                    print("answered")
                except ProviderError as exc:
                    print(exc.code)

        asyncio.run(main())
        """
        trusted = str(tmp_path / "untrusted.pem")
        names = ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        # In a fresh process, since gRPC reads its variable once.
        done = await asyncio.to_thread(run_python, code, **dict.fromkeys(names, trusted))
    assert done == (0, "connection_failed\n", "")


async def test_two_open_plugins_keep_their_keys_apart(sdk, request_for):
    behaviour = Behaviour()
    one, two = GeminiPlugin(), GeminiPlugin()
    async with one.coro_simulator(behaviour) as environ:
        environ = {**environ, "GEMINI_SDK": sdk}
        async with (
            one.coro_lifespan({**environ, "GEMINI_API_KEY": "key-one"}),
            two.coro_lifespan({**environ, "GEMINI_API_KEY": "key-two"}),
        ):
            for plugin in (one, two, one):
                await plugin.coro_generate(request_for())
    keys = [call.headers["x-goog-api-key"] for call in behaviour.calls]
    assert keys == ["key-one", "key-two", "key-one"]
