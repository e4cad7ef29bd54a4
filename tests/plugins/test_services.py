"""A plugin with several services: a problem of one leaves the others alone."""

import json

import httpx
import pytest

from coro_core import AuthenticationFailed, Service
from coro_core.catalog.catalog import Catalog
from coro_core.config.settings import misspelt
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry
from coro_core.testing import HttpReply, serve_http
from coro_core.web.app import create_app
from support.server import serving

ANSWER = {"model": "b", "choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}


async def handle(request):
    if request.headers.get("authorization") == "Bearer wrong":
        return HttpReply(b'{"error": {"message": "no"}}', 401)
    data = [{"id": "b"}]
    return HttpReply(json.dumps({"data": data} if request.method == "GET" else ANSWER).encode())


@pytest.fixture
async def client():
    """CORO with one service that works, one whose key is refused, and one without a key."""
    async with serve_http(handle) as address:
        environ = {
            "CORO_OPENAI_BOX_BASE_URL": f"{address}/v1",
            "CORO_OPENAI_BOX_MODELS": "b",
            "CORO_OPENAI_MISTRAL_BASE_URL": f"{address}/v1",
            "CORO_OPENAI_MISTRAL_API_KEY": "wrong",
            "CORO_OPENAI_MISTRAL_MODELS": "m",
            "CORO_OPENAI_TOGETHER_MODELS": "t",
            "CORO_DISCOVERY_INTERVAL": "0",
        }
        async with serving(create_app(environ)) as client:
            yield client


async def ask(client: httpx.AsyncClient, *models: str):
    response = await client.post("/chat", json={"prompt": "2+2?", "models": models})
    return response.status_code, response.json()["responses"]


WITHOUT_KEY = (
    "CORO_OPENAI_TOGETHER_API_KEY is not set; get one at"
    " https://api.together.ai/settings/api-keys, or set CORO_OPENAI_TOGETHER_KEYLESS=true."
)
REFUSED = (
    "Mistral refused the API key. Check CORO_OPENAI_MISTRAL_API_KEY, or get one at"
    " https://console.mistral.ai/api-keys."
)


async def test_each_service_has_its_own_error_and_its_own_name(client):
    status, rows = await ask(client, "b", "m", "t", "openai:mistral/x", "openai:together/x")
    assert status == 200
    assert [row["error"] for row in rows] == [None, REFUSED, WITHOUT_KEY, REFUSED, WITHOUT_KEY]
    codes = [row["error_code"] for row in rows]
    assert codes[1:] == ["authentication_failed", "not_configured"] * 2
    assert (rows[0]["response"], rows[0]["substituted"]) == ("4", False)
    # Without a key, no call is made.
    assert (await ask(client, "t"))[0] == 503
    assert (await ask(client, "m"))[0] == 500


async def test_models_and_plugins_say_which_service_has_a_problem_and_why(client):
    await ask(client, "b", "m")
    models = {it["id"]: it for it in (await client.get("/models")).json()["models"]}
    assert [(models[it]["available"], models[it]["reason"]) for it in "bmt"] == [
        (True, None),
        (False, REFUSED),
        (False, WITHOUT_KEY),
    ]
    assert [models[it]["provider"] for it in "bmt"] == ["Box", "Mistral", "Together"]
    plugins = {it["name"]: it for it in (await client.get("/plugins")).json()["plugins"]}
    assert plugins["openai"]["state"] == "ready"
    assert plugins["openai"]["reason"] == f"{REFUSED} {WITHOUT_KEY}"


def record(**services):
    it = PluginRecord(name="many", distribution="d", version="1", callable=True)
    it.state, it.ask_services = State.READY, lambda: services
    it.refresh_services()
    return it


@pytest.mark.parametrize(
    ("reasons", "state"),
    [((), "unconfigured"), ((None, "refused"), "ready"), (("refused", "too"), "unconfigured")],
)
def test_a_refused_key_makes_the_plugin_unconfigured_when_every_service_has_a_problem(
    reasons, state
):
    many = record(**{f"s{n}": Service(name="S", reason=it) for n, it in enumerate(reasons)})
    many.learn_key(AuthenticationFailed())
    assert many.state == state
    many.learn_key(None)
    assert many.state == "ready"


PLUGIN = """
from coro_core import Generation, Model, hookimpl

class Plugin:
    coro_contract = 1

    @hookimpl
    def coro_list_models(self):
        return [Model(id="x", name="X", provider="P", cost="c", candidates=("a/x",))]

    @hookimpl
    async def coro_generate(self, request):
        return Generation(text="x")

    @hookimpl
    def coro_services(self):
        {body}
"""


@pytest.mark.parametrize(
    "body", ["raise SystemExit", "return None", "return {'a': 1}", "return []"]
)
def test_invalid_services_are_ignored(install, body):
    install.add_source("odd", PLUGIN.format(body=body))
    plugins = PluginRegistry({})
    (odd,) = [it for it in plugins.records if it.name == "odd"]
    assert odd.services == {}
    odd.state = State.READY
    target = Catalog(plugins).target("x")
    assert target is not None
    assert (target.available, target.configured, target.provider) == (True, True, "P")


def test_a_plugins_own_variables_are_not_misspelt_settings():
    names = {"CORO_MAX_MODELS_X": "1", "CORO_OPENAI_MODELS_TIMEOUT": "1", "CORO_PORT_MODEL": "1"}
    assert misspelt(names, ["max-models", "openai", "port"]) == []
    assert [it.split()[0] for it in misspelt({"CORO_MAX_MODEL": "1"}, ["openai"])] == [
        "CORO_MAX_MODEL"
    ]
