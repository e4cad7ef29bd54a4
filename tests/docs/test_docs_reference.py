"""The reference pages say what the code does: settings, routes, fields, statuses, commands."""

import json
import re
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from coro_core.api.problems import PROBLEM_TYPES
from coro_core.api.schemas import (
    ChatRequest,
    ChatResponse,
    ModelInfo,
    ModelResponse,
    PluginInfo,
    Problem,
    ProviderTraffic,
)
from coro_core.cli.main import app
from coro_core.config.settings import Settings, variable
from coro_core.plugins.record import State
from support.markdown import blocks, code, page, section, table
from support.paths import ROOT

README = page("README.md")
API = page("docs/api.md")
SETTINGS = page("docs/settings.md")
OPENAPI = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
UNDESCRIBED = {"GET /", "GET /docs", "GET /openapi.json"}


def default(value: object) -> str:
    """Return a setting's default as it is written in a table."""
    match value:
        case bool():
            text = str(value).lower()
        case tuple():
            text = ",".join(value)
        case float():
            text = f"{value:g}"
        case _:
            text = str(value)
    return f"`{text}`" if text else ""


ROWS = [
    [f"`{variable(name)}`", default(field.default), field.description]
    for name, field in Settings.model_fields.items()
]


def test_every_setting_is_in_the_table_with_its_default_and_meaning() -> None:
    shown = table(section(SETTINGS, "## The server"), "Variable")
    assert [row for row in shown if "<ID>" not in row[0]] == ROWS


def test_the_settings_in_the_readme_are_some_of_these() -> None:
    shown = table(section(README, "## Settings"), "Variable")
    assert shown
    assert all(row in ROWS for row in shown)


def test_every_variable_of_the_default_plugins_is_in_the_settings() -> None:
    listed = set(code(section(SETTINGS, "## The plugins")))
    providers = page("docs/providers.md")
    for line in re.findall(r"^\*\*Variables:\*\* (.+)$", providers, re.MULTILINE):
        assert set(code(line)) <= listed


def described_routes() -> set[str]:
    return {
        f"{method.upper()} {path}" for path, found in OPENAPI["paths"].items() for method in found
    }


def test_every_route_is_in_the_table() -> None:
    shown = {route for row in table(API, "Route") for route in code(row[0])}
    assert shown == described_routes() | UNDESCRIBED


def test_every_status_of_a_chat_is_in_the_table() -> None:
    statuses = {
        status
        for path in ("/chat", "/chat/{model_id}")
        for status in OPENAPI["paths"][path]["post"]["responses"]
    }
    shown = [status for row in table(API, "Status") for status in row[0].split(", ")]
    assert sorted(shown) == sorted(statuses)


def test_every_field_of_a_request_is_in_the_table_with_its_default() -> None:
    shown = {code(row[0])[0]: row[1] for row in table(section(API, "## A request"), "Field")}
    properties = OPENAPI["components"]["schemas"]["ChatRequest"]["properties"]
    assert set(shown) == set(ChatRequest.model_fields)
    for name, default_shown in shown.items():
        assert default_shown == (
            f"`{properties[name]['default']}`" if "default" in properties[name] else ""
        )


def kind(schema: dict[str, Any]) -> str:
    """Return a field's type as it is written in the table."""
    types = schema.get("type", "object")
    return types if isinstance(types, str) else " or ".join(types)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## A row", ModelResponse),
        ("## A model", ModelInfo),
        ("## A plugin", PluginInfo),
        ("## A problem", Problem),
    ],
)
def test_every_field_of_a_reply_is_in_its_table_with_its_type(
    heading: str, model: type[BaseModel]
) -> None:
    shown = [(code(row[0])[0], row[1]) for row in table(section(API, heading), "Field")]
    properties = OPENAPI["components"]["schemas"][model.__name__]["properties"]
    assert shown == [(name, kind(properties[name])) for name in model.model_fields]


def test_every_field_of_the_traffic_and_every_state_is_on_the_page() -> None:
    text = section(API, "## A plugin")
    (row,) = [row for row in table(text, "Field") if row[0] == "`traffic`"]
    assert set(code(row[2])) == set(ProviderTraffic.model_fields)
    assert [code(row[0])[0] for row in table(text, "State")] == [*State]


def test_every_kind_of_problem_is_on_the_page() -> None:
    (text,) = [part for part in section(API, "## A problem").split("\n\n") if "kinds are" in part]
    prefix, *kinds = code(text)
    assert {kind if ":" in kind else prefix + kind for kind in kinds} == {*PROBLEM_TYPES.values()}


def test_the_fields_beside_the_rows_are_named() -> None:
    (text,) = [part for part in section(API, "## A row").split("\n\n") if part.startswith("Beside")]
    assert set(ChatResponse.model_fields) <= set(code(text))


def test_the_replies_in_the_readme_have_the_fields_of_replies() -> None:
    first, second = [
        block for block in blocks(section(README, "## Ask"), "console") if "\n{" in block
    ]
    body = json.loads(re.sub(r",\n +\.\.\. four more rows[^\n]*", "", first[first.index("\n{") :]))
    ChatResponse.model_validate(body)
    ModelResponse.model_validate_json(second[second.index("\n{") :])


def test_every_line_of_the_log_on_the_page_exists() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    documented = [
        line.removesuffix(" ...")
        for row in table(section(page("docs/deploy.md"), "## The log"), "`message`")
        for line in code(row[0])
    ]
    assert documented
    assert [line for line in documented if f'"{line}' not in source] == []


def options(command: Any) -> set[str]:
    return {
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }


@pytest.mark.parametrize(
    "name", ["serve", "check", "models", "plugins", "plugin check", "plugin new"]
)
def test_the_commands_and_their_options_are_in_the_readme(name: str) -> None:
    command: Any = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    (row,) = [
        row
        for row in table(section(README, "## Commands"), "Command")
        if f"coro {name}" in code(row[0])
    ]
    assert options(command) == {word for word in code(row[1]) if word.startswith("--")}


def test_every_command_is_in_the_readme() -> None:
    command: Any = typer.main.get_command(app)
    shown = {
        word.removeprefix("coro ")
        for row in table(section(README, "## Commands"), "Command")
        for word in code(row[0])
    }
    assert {word.split()[0] for word in shown} == set(command.commands)


def test_every_plugin_here_is_in_the_readme() -> None:
    shown = "".join(row[0] for row in table(section(README, "## Plugins"), "Plugin"))
    assert re.findall(r"\(plugins/(\w+)/README\.md\)", shown) == [
        "coro_gemini",
        "coro_groq",
        "coro_deepseek",
        "coro_openai",
    ]
