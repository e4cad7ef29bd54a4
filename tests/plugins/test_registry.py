"""Plugins are found, started and closed, and a call goes to the owner of its model."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coro_core import GenerateRequest, NotConfigured, hookimpl
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Echo, Installer, Named, answer, model
from support.server import ask, running


async def test_a_disabled_plugin_is_not_even_imported(install: Installer) -> None:
    install.add_source("explosive", "raise SystemExit('imported')")
    environ = {"CORO_DISABLED_PLUGINS": ", ".join([*REAL_PLUGINS, "explosive"])}
    async with running(environ) as client:
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
    assert plugins["explosive"]["state"] == "disabled"
    assert plugins["explosive"]["models"] == []


async def test_a_model_id_that_is_taken_is_refused_to_the_later_plugin_whatever_the_order(
    install: Installer,
) -> None:
    class First(Echo):
        models = (model("shared", "first"), model("only-first"))

    class Second(Echo):
        models = (model("shared", "second"), model("only-second"))

    entries = [("alpha", First), ("beta", Second)]
    for name, plugin in random.sample(entries, k=2):
        install.add(name, plugin)
    async with running(NO_REAL_PLUGINS) as client:
        models = (await client.get("/models")).json()["models"]
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
    assert [m["id"] for m in models] == ["shared", "only-first", "only-second"]
    assert models[0]["upstream_model"] == "first"
    assert plugins["beta"]["state"] == "ready"
    assert plugins["beta"]["reason"] == "the model id shared is taken by alpha"


async def test_a_plugin_name_that_is_taken_is_refused_to_the_later_distribution(
    install: Installer,
) -> None:
    install.add("twin", Named, dist="coro-b", version="2.0")
    install.add("twin", Echo, dist="coro-a", version="1.5")
    async with running(NO_REAL_PLUGINS) as client:
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
    assert plugins["twin"]["distribution"] == "coro-a"
    assert plugins["twin (coro-b)"]["state"] == "rejected"
    assert plugins["twin (coro-b)"]["reason"] == "the name twin is taken by coro-a 1.5"


async def test_calls_go_to_the_owner_alone(install: Installer) -> None:
    called: list[str] = []

    def plugin_of(name: str) -> type:
        class Owner(Echo):
            models = (model(name),)

            async def generate(self, request: GenerateRequest) -> Any:
                called.append(name)
                return answer(name)

        return Owner

    for name in ("one", "two", "three"):
        install.add(name, plugin_of(name))
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "two")
    assert response.json()["responses"][0]["response"] == "two"
    assert called == ["two"]


class _Recording(Echo):
    """Writes down when it is opened and closed, and what settings it is given."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.environ: Mapping[str, str] = {}
        type(self).last = self

    last: "_Recording"

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        self.environ = environ
        self.events.append("opened")
        yield
        self.events.append("closed")


async def test_a_lifespan_is_given_the_settings_and_is_closed_at_the_end(
    install: Installer,
) -> None:
    class Recording(_Recording):
        pass

    install.add("recording", Recording)
    async with running({**NO_REAL_PLUGINS, "ACME_API_KEY": "k"}) as client:
        await ask(client, "echo")
        assert Recording.last.events == ["opened"]
    assert Recording.last.environ["ACME_API_KEY"] == "k"
    assert Recording.last.events == ["opened", "closed"]


async def test_a_plugin_that_fails_to_close_does_not_keep_the_others_from_it(
    install: Installer,
) -> None:
    class Recording(_Recording):
        models = (model("recorded"),)

    class Refusing(Echo):
        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self) -> AsyncIterator[None]:
            yield
            raise SystemExit(3)

    install.add("aaa", Recording)
    install.add("bbb", Refusing)
    install.add("ccc", type("Other", (_Recording,), {"models": (model("other"),)}))
    async with running(NO_REAL_PLUGINS):
        pass
    assert Recording.last.events == ["opened", "closed"]


async def test_plugins_open_at_the_same_time(install: Installer) -> None:
    barrier = asyncio.Barrier(3)

    def plugin_of(name: str) -> type:
        class Meeting(Echo):
            models = (model(name),)

            @hookimpl
            @asynccontextmanager
            async def coro_lifespan(self) -> AsyncIterator[None]:
                await barrier.wait()
                yield

        return Meeting

    for name in ("one", "two", "three"):
        install.add(name, plugin_of(name))
    async with running(NO_REAL_PLUGINS) as client:
        response = await ask(client, "one", "two", "three")
    assert response.json()["succeeded"] == 3


async def test_a_plugin_that_hangs_while_opening_is_given_up(install: Installer) -> None:
    class Hanging(Echo):
        models = (model("hanging"),)

        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self) -> AsyncIterator[None]:
            await asyncio.sleep(3600)
            yield

    install.add("hanging", Hanging)
    install.add("echo", Echo)
    async with running({**NO_REAL_PLUGINS, "CORO_PLUGIN_TIMEOUT": "0.2"}) as client:
        response = await ask(client, "hanging", "echo")
    rows = response.json()["responses"]
    assert "did not start within 0.2 s" in rows[0]["error"]
    assert rows[1]["response"] == "Hello"


async def test_a_plugin_that_lacks_a_setting_says_which_and_where_to_get_it(
    install: Installer,
) -> None:
    class Keyed(Echo):
        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
            raise NotConfigured("ACME_API_KEY", help="get one at https://acme.example/keys")
            yield

    install.add("keyed", Keyed)
    sentence = "ACME_API_KEY is not set; get one at https://acme.example/keys."
    async with running(NO_REAL_PLUGINS) as client:
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
        [listed] = (await client.get("/models")).json()["models"]
        response = await ask(client, "echo")
    assert (plugins["keyed"]["state"], plugins["keyed"]["reason"]) == ("unconfigured", sentence)
    assert (listed["available"], listed["reason"]) == (False, sentence)
    row = response.json()["responses"][0]
    assert response.status_code == 503
    assert (row["error_code"], row["error"]) == ("not_configured", sentence)


async def test_two_applications_in_one_process_share_nothing(install: Installer) -> None:
    class Keyed(Echo):
        key = ""

        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
            self.key = environ["ACME_API_KEY"]
            yield

        async def generate(self, request: GenerateRequest) -> Any:
            return answer(self.key)

    install.add("keyed", Keyed)
    async with (
        running({**NO_REAL_PLUGINS, "ACME_API_KEY": "first"}) as first,
        running({**NO_REAL_PLUGINS, "ACME_API_KEY": "second"}) as second,
    ):
        answers = [(await ask(client, "echo")).json() for client in (first, second)]
    assert [body["responses"][0]["response"] for body in answers] == ["first", "second"]


@pytest.mark.parametrize(
    "chosen",
    [set(s) for n in range(3) for s in itertools.combinations(REAL_PLUGINS, n)],
    ids=lambda chosen: "+".join(sorted(chosen)) or "none",
)
async def test_the_core_runs_with_no_plugin_with_one_and_with_each_pair(
    chosen: set[str],
) -> None:
    ids = {
        "deepseek": ["deepseek"],
        "gemini": ["gemini"],
        "groq": ["llama-70b"],
        "openai": ["local"],
    }
    environ = {
        "CORO_DEMO": "true",
        "CORO_DISABLED_PLUGINS": ",".join(set(REAL_PLUGINS) - chosen),
        "CORO_OPENAI_OLLAMA_MODELS": "local",
    }
    async with running(environ) as client:
        plugins = {p["name"]: p["state"] for p in (await client.get("/plugins")).json()["plugins"]}
        response = await ask(client, "gemini", "llama-70b", "deepseek", "local")
    assert {name for name, state in plugins.items() if state == "ready"} == chosen
    if not chosen:
        assert response.status_code == 422
        return
    assert response.status_code == 200
    answered = {row["model"] for row in response.json()["responses"] if row["error"] is None}
    assert answered == {model_id for name in chosen for model_id in ids[name]}


async def test_in_the_demo_a_plugin_without_a_simulator_is_left_out(install: Installer) -> None:
    install.add("echo", Echo)
    async with running({**NO_REAL_PLUGINS, "CORO_DEMO": "true"}) as client:
        plugins = {p["name"]: p for p in (await client.get("/plugins")).json()["plugins"]}
    assert plugins["echo"]["state"] == "unconfigured"
    assert "simulator" in plugins["echo"]["reason"]
