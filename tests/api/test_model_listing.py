"""A long list of models does not hold up other requests."""

import asyncio
import json

import httpx

from coro_core.api.schemas import ModelList
from coro_core.api.serializers import LIST_CHUNK, model_list, model_list_json
from coro_core.catalog.catalog import Catalog
from coro_core.plugins.registry import PluginRegistry
from coro_core.web.app import create_app
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Echo, Installer, opened

NAMES = [f"name-{number:05}" for number in range(20_000)]


async def test_other_requests_are_answered_while_many_models_are_listed(
    install: Installer,
) -> None:
    install.add("long", Echo)
    app = create_app({**NO_REAL_PLUGINS, "CORO_DISCOVERY_INTERVAL": "0"})
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        await app.state.engine.plugins.wait_ready()
        catalog = app.state.engine.catalog
        catalog.upstreams(app.state.engine.plugins.record("long")).listed = NAMES
        listing = asyncio.create_task(client.get("/models?all=true"))
        answered = 0
        while not listing.done():
            assert (await client.get("/health")).status_code == 200
            answered += 1
            # A request without a socket may be answered without any turn of the loop.
            await asyncio.sleep(0)
        models = (await listing).json()["models"]
    assert [entry["id"] for entry in models] == ["echo", *(f"long:{name}" for name in NAMES)]
    assert answered >= 50


async def test_other_tasks_run_after_each_chunk_of_a_list(install: Installer) -> None:
    install.add("long", Echo)
    plugins = PluginRegistry({}, disabled=REAL_PLUGINS)
    catalog = Catalog(plugins)
    async with opened(plugins):
        record = plugins.record("long")
        assert record is not None
        catalog.upstreams(record).listed = NAMES
        listing = asyncio.create_task(model_list_json(catalog, live=True))
        turns = 0
        while not listing.done():
            await asyncio.sleep(0)
            turns += 1
    assert turns >= len(NAMES) / LIST_CHUNK


async def test_the_json_of_a_list_is_that_of_its_model(install: Installer) -> None:
    install.add("echo", Echo)
    plugins = PluginRegistry({}, disabled=REAL_PLUGINS)
    catalog = Catalog(plugins)
    body = await model_list_json(catalog, live=False)
    assert ModelList.model_validate_json(body, strict=True) == model_list(catalog)
    assert json.loads(body) == model_list(catalog).model_dump()


async def test_an_empty_list_is_json() -> None:
    body = await model_list_json(Catalog(PluginRegistry({}, disabled=REAL_PLUGINS)), live=True)
    assert json.loads(body) == {"models": []}
