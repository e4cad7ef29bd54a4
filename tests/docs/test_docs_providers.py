"""docs/providers.md agrees with the plugins."""

import re
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import pytest

from coro_core import Model
from coro_core.contract.errors import ERROR_CODES
from coro_core.dispatch.result import UNKNOWN_MODEL
from support.markdown import code, page, section, table
from support.paths import ROOT

PAGE = page("docs/providers.md")
PLUGINS = ["gemini", "groq", "deepseek", "openai"]
WITH_MODELS = ["gemini", "groq", "deepseek"]
VARIABLE = re.compile(
    r'(?:environ\.get\(|environ,\s*|^(?:KEY|ADDRESS|SDK) = )"([A-Z][A-Z0-9_]+)"', re.MULTILINE
)


def plugin(name: str) -> Any:
    (entry,) = entry_points(group="coro", name=name)
    return entry.load()()


def models(name: str) -> list[Model]:
    return list(plugin(name).coro_list_models())


def source(name: str) -> str:
    files = sorted((ROOT / "plugins" / f"coro_{name}" / "src").rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def of(name: str) -> str:
    return section(PAGE, f"## coro-{name}")


def test_there_is_a_section_for_every_plugin_here() -> None:
    here = {path.name for path in (ROOT / "plugins").iterdir() if (path / "README.md").is_file()}
    assert here == {f"coro_{name}" for name in PLUGINS}
    for name in PLUGINS:
        assert f"../plugins/coro_{name}/README.md" in of(name)


@pytest.mark.parametrize("name", WITH_MODELS)
def test_the_ids_costs_and_upstream_names_are_those_of_the_plugin(name: str) -> None:
    shown = [(code(row[0]), row[1], code(row[2])) for row in table(of(name), "id")]
    assert shown == [([model.id], model.cost, [*model.candidates]) for model in models(name)]


@pytest.mark.parametrize("name", WITH_MODELS)
def test_the_first_choice_of_each_id_is_in_the_readme_of_the_plugin(name: str) -> None:
    rows = table(page(f"plugins/coro_{name}/README.md"), "id")
    assert [code(row[0]) for row in rows] == [[model.id] for model in models(name)]
    for row, model in zip(rows, models(name), strict=True):
        named = [word for cell in row[1:] for word in code(cell)]
        assert named[0] == model.candidates[0]
        assert set(named) <= set(model.candidates)


@pytest.mark.parametrize("name", WITH_MODELS)
def test_the_readme_and_the_page_name_every_variable_of_the_plugin(name: str) -> None:
    (line,) = [part for part in of(name).split("\n\n") if part.startswith("**Variables:**")]
    read = set(VARIABLE.findall(source(name)))
    assert read
    assert set(code(line)) == read
    readme = table(page(f"plugins/coro_{name}/README.md"), "variable")
    assert {word for row in readme for word in code(row[0])} == read


def test_the_variables_of_a_service_are_those_that_the_plugin_reads() -> None:
    settings = import_module("coro_openai.settings").SETTINGS
    (text,) = [part for part in of("openai").split("\n\n") if part.startswith("**Variables**")]
    assert sorted(code(text)) == sorted(f"CORO_OPENAI_<NAME>_{name}" for name in settings)
    readme = table(page("plugins/coro_openai/README.md"), "variable")
    assert sorted(code(row[0])[0] for row in readme) == sorted(f"..._{name}" for name in settings)


def test_the_services_that_bring_their_address_are_those_of_the_plugin() -> None:
    shown = {
        code(row[0])[0].lower(): (code(row[1])[0], code(row[2])[0])
        for row in table(of("openai"), "`<NAME>`")
    }
    known = import_module("coro_openai.known").KNOWN_SERVICES
    assert shown == {name: (entry.base_url, entry.limit_field) for name, entry in known.items()}


def test_every_error_code_is_explained_once() -> None:
    shown = [code(row[0])[0] for row in table(section(PAGE, "## Errors"), "`error_code`")]
    assert sorted(shown) == sorted([*ERROR_CODES, UNKNOWN_MODEL])


@pytest.mark.parametrize("name", PLUGINS)
def test_what_a_provider_adds_to_an_error_is_about_an_error_that_there_is(name: str) -> None:
    shown = [code(row[0])[0] for row in table(of(name), "`error_code`")]
    assert set(shown) <= set(ERROR_CODES)
    assert len(shown) == len(set(shown))


def test_only_errors_that_may_be_tried_again_are_said_to_be() -> None:
    from coro_core.contract.errors import ProviderError

    (text,) = [
        part for part in section(PAGE, "## Errors").split("\n\n") if part.startswith("The core")
    ]
    retried = {leaf.code for leaf in ProviderError.__subclasses__() if leaf.may_retry}
    assert set(code(text)) == {*retried, "timeout"}
