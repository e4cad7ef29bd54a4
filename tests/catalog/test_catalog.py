"""A model id leads to its owner and its upstream models; an unknown id leads to a hint."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from typing import Any

import pytest

from coro_core import Model, NotConfigured, hookimpl
from coro_core.catalog.catalog import (
    Catalog,
    Target,
    misspelt_upstreams,
    same_model,
    upstream_variable,
)
from coro_core.plugins.registry import PluginRegistry
from support.clock import Clock
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Echo, Installer, model, opened
from support.server import ask, running


class Acme(Echo):
    models = (model("big", "big-1", "big-2", "big-3"), model("small", "small-1"))


class Other(Echo):
    models = (model("other", "big-1", "other-2", provider="Other Ltd"),)


class Bare(Echo):
    models = ()


class Keyless(Echo):
    models = (model("locked"),)

    @hookimpl
    def coro_lifespan(self, environ: Any) -> Any:
        raise NotConfigured("ACME_API_KEY", help="get one at https://acme.example/keys")


class Broken(Echo):
    models = (model("broken"),)

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Any) -> AsyncIterator[None]:
        raise ValueError("canary")
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(install: Installer, clock: Clock) -> Catalog:
    install.add("acme", Acme)
    install.add("bare", Bare)
    install.add("other", Other)
    return Catalog(found(), clock=clock)


def found(*disabled: str) -> PluginRegistry:
    return PluginRegistry({}, disabled=(*REAL_PLUGINS, *disabled))


def known(catalog: Catalog, model_id: str) -> Target:
    target = catalog.target(model_id)
    assert target is not None
    return target


# --- order


def test_the_order_follows_the_verdicts_on_the_providers_names(catalog: Catalog) -> None:
    big = known(catalog, "big")
    assert catalog.order(big) == ("big-1", "big-2", "big-3")
    catalog.upstreams(big.plugin).mark_retired("big-1")
    assert catalog.order(big) == ("big-2", "big-3", "big-1")


def test_a_name_retired_at_one_provider_is_not_retired_at_another(catalog: Catalog) -> None:
    catalog.upstreams(known(catalog, "big").plugin).mark_retired("big-1")
    assert catalog.order(known(catalog, "other")) == ("big-1", "other-2")


# --- candidates by variable


@pytest.mark.parametrize(
    ("value", "candidates"),
    [
        ("x", ("x",)),
        ("x,y", ("x", "y")),
        (" x , vendor/y:1 ,, x", ("x", "vendor/y:1")),
        ("", ("big-1", "big-2", "big-3")),
        (" , ", ("big-1", "big-2", "big-3")),
    ],
)
def test_a_variable_replaces_the_candidates(
    install: Installer, value: str, candidates: tuple[str, ...]
) -> None:
    install.add("acme", Acme)
    catalog = Catalog(found(), {"CORO_UPSTREAM_BIG": value})
    assert known(catalog, "big").candidates == candidates
    assert known(catalog, "small").candidates == ("small-1",)


@pytest.mark.parametrize(
    ("model_id", "variable"),
    [
        ("llama-70b", "CORO_UPSTREAM_LLAMA_70B"),
        ("acme-1.5_x", "CORO_UPSTREAM_ACME_1_5_X"),
    ],
)
def test_the_variable_is_named_after_the_id(model_id: str, variable: str) -> None:
    assert upstream_variable(model_id) == variable


def test_a_variable_that_replaces_nothing_is_reported(catalog: Catalog) -> None:
    environ = {"CORO_UPSTREAM_BIG": "x", "CORO_UPSTREAM_BIGG": "y", "CORO_OTHER": "z"}
    [sentence] = misspelt_upstreams(environ, found())
    assert sentence.startswith("CORO_UPSTREAM_BIGG replaces nothing")


# --- models


def test_models_are_listed_by_plugin_in_the_order_of_its_own_list(catalog: Catalog) -> None:
    listed = list(catalog.models())
    assert [model.id for model, _ in listed] == ["big", "small", "other"]
    assert all(isinstance(model, Model) and target.id == model.id for model, target in listed)
    assert [target.provider for _, target in listed] == ["Acme", "Acme", "Other Ltd"]


# --- target


@pytest.mark.parametrize(
    ("model_id", "plugin", "provider", "candidates"),
    [
        ("big", "acme", "Acme", ("big-1", "big-2", "big-3")),
        ("other", "other", "Other Ltd", ("big-1", "other-2")),
        ("acme:big-1", "acme", "Acme", ("big-1",)),
        ("acme:new-9", "acme", "Acme", ("new-9",)),
        ("acme:vendor/new-9", "acme", "Acme", ("vendor/new-9",)),
        ("acme:new:free", "acme", "Acme", ("new:free",)),
        ("acme::", "acme", "Acme", (":",)),
        ("acme:acme:big", "acme", "Acme", ("acme:big",)),
        ("acme:Big 1", "acme", "Acme", ("Big 1",)),
        ("other:new-9", "other", "Other Ltd", ("new-9",)),
        ("bare:new-9", "bare", "bare", ("new-9",)),
    ],
)
def test_an_id_or_a_plugin_and_a_name_have_a_target(
    catalog: Catalog, model_id: str, plugin: str, provider: str, candidates: tuple[str, ...]
) -> None:
    target = known(catalog, model_id)
    assert target.id == model_id
    assert target.plugin.name == plugin
    assert (target.provider, target.candidates) == (provider, candidates)


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        ":",
        "::",
        ":big",
        ":x",
        "x:",
        "acme",
        "acme:",
        "ACME:big-1",
        " acme:big-1",
        "nobody:big-1",
        "acme:big\n1",
        "acme:\x00",
        "acme:\u202ebig",
        "Big",
        "big ",
        "big-1",
        "big:big-1",
    ],
)
def test_any_other_text_has_no_target(catalog: Catalog, model_id: str) -> None:
    assert catalog.target(model_id) is None


async def test_a_ready_model_is_available_without_a_reason(install: Installer) -> None:
    install.add("acme", Acme)
    plugins = found()
    catalog = Catalog(plugins)
    async with opened(plugins):
        for model_id in ("big", "acme:new-9"):
            target = known(catalog, model_id)
            assert (target.available, target.reason) == (True, None)


@pytest.mark.parametrize(
    ("name", "plugin", "reason"),
    [
        ("keyless", Keyless, "ACME_API_KEY is not set; get one at https://acme.example/keys."),
        ("broken", Broken, "The plugin broken is not ready: it failed to start: ValueError at"),
        ("off", Echo, "The plugin off is not ready: CORO_DISABLED_PLUGINS names it."),
    ],
)
async def test_a_model_that_is_not_ready_has_a_reason(
    install: Installer, name: str, plugin: type, reason: str
) -> None:
    install.add(name, plugin)
    plugins = found("off")
    catalog = Catalog(plugins)
    async with opened(plugins):
        ids = [f"{name}:new-9", *(model.id for model, _ in catalog.models())]
        for target in [known(catalog, model_id) for model_id in ids]:
            assert target.available is False
            assert (target.reason or "").startswith(reason)
            assert "canary" not in (target.reason or "")


def test_a_model_of_a_starting_plugin_says_so(catalog: Catalog) -> None:
    target = known(catalog, "big")
    assert target.available is False
    assert target.reason == "The plugin acme is still starting; try again in a moment."


def test_the_models_of_a_disabled_plugin_are_not_on_offer(install: Installer) -> None:
    install.add("acme", Acme)
    catalog = Catalog(found("acme"))
    assert catalog.target("big") is None
    assert list(catalog.models()) == []


# --- hint


GENERAL = "No installed plugin offers this model; GET /models lists those there are."


def test_the_five_ids_of_the_specification_are_in_the_directory() -> None:
    directory = {entry.name: entry.module for entry in entry_points(group="coro.directory")}
    assert directory == {
        "gemini": "coro_gemini",
        "llama-70b": "coro_groq",
        "llama-8b": "coro_groq",
        "mixtral": "coro_groq",
        "deepseek": "coro_deepseek",
    }


def directory(install: Installer, *lines: str) -> None:
    """Install a distribution that says which others to install for which ids."""
    info = install.directory / "acme_directory-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-directory\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[coro.directory]", *lines, ""]))


def test_the_hint_for_an_id_of_a_known_distribution_names_it(install: Installer) -> None:
    directory(install, "acme-9 = coro_acme_pro")
    assert Catalog(found()).hint("acme-9") == (
        "No installed plugin offers this model; install coro-acme-pro."
    )


def test_the_hint_for_a_broken_plugin_gives_its_reason(install: Installer) -> None:
    directory(install, "acme-9 = coro_off", "acme-8 = coro_lost")
    install.add("off", Echo)
    install.add_source("lost", "import a_module_that_is_not_there")
    catalog = Catalog(found("off"))
    assert catalog.hint("acme-9") == "The plugin off is not ready: CORO_DISABLED_PLUGINS names it."
    assert catalog.hint("acme-8").startswith("The plugin lost is not ready: it cannot be imported:")


async def test_the_hint_does_not_name_a_distribution_that_is_ready(
    install: Installer,
) -> None:
    directory(install, "acme-7 = coro_acme")
    install.add("acme", Acme)
    plugins = found()
    async with opened(plugins):
        assert Catalog(plugins).hint("acme-7") == GENERAL


@pytest.mark.parametrize("model_id", ["no-such", "", "gemini ", "Gemini", "gemini:x", "\ud800"])
def test_the_hint_for_any_other_id_does_not_repeat_it(catalog: Catalog, model_id: str) -> None:
    assert catalog.hint(model_id) == GENERAL


# --- same_model


@pytest.mark.parametrize(
    ("asked", "answered", "expected"),
    [
        ("acme-1", "acme-1", True),
        ("acme-1", "models/acme-1", True),
        ("acme-1", "publishers/acme/models/acme-1", True),
        ("acme-1", "acme-1-001", True),
        ("acme-1", "models/acme-1-001", True),
        ("acme-1", "acme-1-2026-10-17", True),
        ("acme-1", "acme-1-20261017", True),
        ("acme-1", "acme-1@20261017", True),
        ("acme-1", "acme-1:2", True),
        ("vendor/acme-1", "vendor/acme-1", True),
        ("vendor/acme-1", "vendor/acme-1-001", True),
        ("acme-1", "", False),
        ("acme-1", "acme", False),
        ("acme-1", "acme-2", False),
        ("acme-1", "acme-10", False),
        ("acme-1", "acme-1.5", False),
        ("acme-1", "acme-1-mini", False),
        ("acme-1", "acme-1-latest", False),
        ("acme-1", "acme-1-001-mini", False),
        ("acme-1", "acme-1-", False),
        ("acme-1", "acme-1--", False),
        ("acme-1", "acme-1:free", False),
        ("acme-1", "ACME-1", True),
        ("Vendor/Acme-1", "vendor/acme-1", True),
        ("acme-1", "acme-1:latest", True),
        ("acme-1:latest", "acme-1", True),
        ("acme-1", "C:\\models\\acme-1.gguf", True),
        ("acme-1", "super-acme-1", False),
        ("acme-1", "acme-1/other", False),
        ("acme-1", "models/", False),
        ("vendor/acme-1", "other/acme-1", False),
        ("vendor/acme-1", "acme-1", True),
    ],
)
def test_a_path_before_or_a_version_behind_is_the_same_model(
    asked: str, answered: str, expected: bool
) -> None:
    assert same_model(asked, answered) is expected


async def test_the_models_of_a_plugin_are_those_of_its_first_list(install: Installer) -> None:
    class Fickle(Echo):
        @hookimpl
        def coro_list_models(self) -> Any:
            self.models = (*self.models, model(f"m{len(self.models)}"))
            return self.models

    install.add("fickle", Fickle)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(3):
            models = (await client.get("/models")).json()["models"]
            assert [it["id"] for it in models] == ["echo", "m1"]
            assert (await ask(client, "m1")).status_code == 200
            assert (await ask(client, "m2")).status_code == 422
