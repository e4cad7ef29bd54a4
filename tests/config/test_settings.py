"""The core's settings: sources, accepted values, and the messages for invalid values."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from coro_core.config.settings import Settings, misspelt, read_environ, read_settings, variable
from coro_core.contract.errors import SettingsError
from support.paths import ROOT

VARIABLES = [variable(field) for field in Settings.model_fields]


def settings_error(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    return str(caught.value)


# --- read_settings


def test_without_any_variable_every_setting_has_its_default() -> None:
    assert read_settings({}) == Settings.model_construct(
        port=8000,
        host="127.0.0.1",
        timeout=5.0,
        max_models=20,
        max_prompt_chars=100_000,
        max_tokens=8192,
        max_in_flight=256,
        max_body_bytes=1_048_576,
        body_timeout=5.0,
        shutdown_grace=8,
        plugin_timeout=20.0,
        disabled_plugins=(),
        strict_plugins=False,
        https_proxy="",
        ca_file="",
        on_retired="substitute",
        discovery_interval=3600,
        cors_origins=("*",),
        log_level="info",
        log_format="auto",
        demo=False,
        demo_fail=(),
    )


def test_a_variable_is_coro_and_the_field_name_except_port() -> None:
    assert variable("port") == "PORT"
    assert variable("max_models") == "CORO_MAX_MODELS"
    assert len(set(VARIABLES)) == len(Settings.model_fields)


@pytest.mark.parametrize("blank", ["", " ", "\t\n"], ids=ascii)
def test_a_blank_variable_is_ignored(blank: str) -> None:
    assert read_settings(dict.fromkeys(VARIABLES, blank)) == read_settings({})


INTEGERS = {
    "PORT": (0, 65535),
    "CORO_MAX_MODELS": (1, 1000),
    "CORO_MAX_PROMPT_CHARS": (1, 10_000_000),
    "CORO_MAX_TOKENS": (1, 1_000_000),
    "CORO_MAX_IN_FLIGHT": (1, 100_000),
    "CORO_MAX_BODY_BYTES": (1024, 104_857_600),
    "CORO_SHUTDOWN_GRACE": (0, 300),
    "CORO_DISCOVERY_INTERVAL": (0, 604_800),
}
SECONDS = {
    "CORO_TIMEOUT": 60,
    "CORO_BODY_TIMEOUT": 60,
    "CORO_PLUGIN_TIMEOUT": 300,
}
BOOLEANS = ("CORO_STRICT_PLUGINS", "CORO_DEMO", "CORO_UI")
LISTS = ("CORO_DISABLED_PLUGINS", "CORO_CORS_ORIGINS", "CORO_DEMO_FAIL")
FOR_PLUGINS = ("CORO_HTTPS_PROXY", "CORO_CA_FILE")
CHOICES = {
    "CORO_ON_RETIRED": ("substitute", "error"),
    "CORO_LOG_LEVEL": ("debug", "info", "warning", "error"),
    "CORO_LOG_FORMAT": ("auto", "json", "console"),
}


def value_of(name: str, environ: dict[str, str]) -> Any:
    [field] = [field for field in Settings.model_fields if variable(field) == name]
    return getattr(read_settings(environ), field)


def test_these_tables_name_every_variable() -> None:
    tables = [*INTEGERS, *SECONDS, *BOOLEANS, *LISTS, *CHOICES, *FOR_PLUGINS, "CORO_HOST"]
    assert sorted(tables) == sorted(VARIABLES)


TAKEN = [
    *((name, str(value), value) for name, edges in INTEGERS.items() for value in edges),
    *((name, text, 7.5) for name in SECONDS for text in ("7.5", " 7.5 ")),
    *((name, str(most), most) for name, most in SECONDS.items()),
    *((name, "0.001", 0.001) for name in SECONDS),
    *((name, text, True) for name in BOOLEANS for text in ("true", "True", "1", "yes", "on")),
    *((name, text, False) for name in BOOLEANS for text in ("false", "FALSE", "0", "no", "off")),
    *((name, "a", ("a",)) for name in LISTS),
    *((name, " a, b ,,c,", ("a", "b", "c")) for name in LISTS),
    *((name, ",", ()) for name in LISTS),
    *((name, "anything", "anything") for name in FOR_PLUGINS),
    *((name, choice, choice) for name, choices in CHOICES.items() for choice in choices),
    ("PORT", " 8080 ", 8080),
    ("CORO_LOG_LEVEL", " INFO", "info"),
    ("CORO_ON_RETIRED", "Error", "error"),
    ("CORO_HOST", "0.0.0.0", "0.0.0.0"),
    ("CORO_HOST", "::", "::"),
    ("CORO_HOST", "fe80::1%eth0", "fe80::1%eth0"),
    ("CORO_HOST", "localhost", "localhost"),
    ("CORO_HOST", "b\u00fccher.example", "b\u00fccher.example"),
]


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_a_valid_value_is_read(name: str, text: str, value: object) -> None:
    assert value_of(name, {name: text}) == value


REFUSED = [
    *((name, str(least - 1), f"or equal to {least}") for name, (least, _) in INTEGERS.items()),
    *((name, str(most + 1), f"or equal to {most}") for name, (_, most) in INTEGERS.items()),
    *((name, text, "integer") for name in INTEGERS for text in ("canary", "1.5", "1e3", "0x10")),
    *((name, text, "greater than 0") for name in SECONDS for text in ("0", "-1", "-0.0")),
    *((name, str(most + 0.1), f"or equal to {most}") for name, most in SECONDS.items()),
    *((name, text, "finite number") for name in SECONDS for text in ("nan", "inf", "-Infinity")),
    *((name, text, "number") for name in SECONDS for text in ("canary", "5s", "5,5")),
    *((name, text, "boolean") for name in BOOLEANS for text in ("canary", "2", "-1", "nan")),
    *((name, text, "'") for name in CHOICES for text in ("canary", "LOUD", "0")),
    *(
        ("CORO_HOST", text, "the name or an address of a host")
        for text in ("canary\0", "can\nary", "canary..", "c" * 64, "\udcffcanary")
    ),
]


@pytest.mark.parametrize(("name", "text", "why"), REFUSED, ids=lambda text: text[:24])
def test_an_invalid_value_gets_one_line_without_the_value(name: str, text: str, why: str) -> None:
    message = settings_error({name: text})
    assert message.startswith(f"{name}: should be ")
    assert why in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 200
    if len(text) > 3:
        assert text not in message


@pytest.mark.parametrize("name", INTEGERS)
def test_a_number_of_five_thousand_digits_is_rejected_and_not_repeated(name: str) -> None:
    message = settings_error({name: "9" * 5000})
    assert message.startswith(f"{name}: ")
    assert "exceeded maximum size" in message
    assert "99" not in message


def test_one_message_names_all_invalid_variables_and_no_valid_one() -> None:
    message = settings_error(
        {
            "PORT": "sk-canary-1",
            "CORO_TIMEOUT": "sk-canary-2",
            "CORO_DEMO": "sk-canary-3",
            "CORO_LOG_LEVEL": "sk-canary-4",
            "CORO_MAX_MODELS": "5",
            "ACME_API_KEY": "sk-canary-5",
        }
    )
    named = re.findall(r"(\w+): should be", message)
    assert named == ["PORT", "CORO_TIMEOUT", "CORO_LOG_LEVEL", "CORO_DEMO"]
    assert "canary" not in message
    assert "\n" not in message


def test_the_error_has_no_cause_that_holds_the_values() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"PORT": "canary"})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_unknown_variables_change_no_setting() -> None:
    assert read_settings({"HOST": "x", "port": "x", "CORO_": "x", "ACME": "x"}) == read_settings({})


def test_settings_cannot_be_changed() -> None:
    settings = read_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.max_models = 5


# --- misspelt


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CORO_TIME_OUT", "CORO_TIMEOUT"),
        ("CORO_TIMEOUTS", "CORO_TIMEOUT"),
        ("CORO_MODEL_TIMEOUT", "CORO_TIMEOUT"),
        ("CORO_TOTAL_TIMEOUT", "CORO_TIMEOUT"),
        ("CORO_MAXMODELS", "CORO_MAX_MODELS"),
        ("CORO_DISABLE_PLUGINS", "CORO_DISABLED_PLUGINS"),
        ("CORO_CORS_ORIGIN", "CORO_CORS_ORIGINS"),
        ("CORO_LOGLEVEL", "CORO_LOG_LEVEL"),
        ("CORO_MAX_TOKEN", "CORO_MAX_TOKENS"),
    ],
)
def test_a_misspelt_or_renamed_variable_is_reported_with_the_right_name(
    name: str, meant: str
) -> None:
    assert misspelt({name: "canary"}) == [f"{name} is not a setting; did you mean {meant}?"]


def test_misspelt_variables_are_reported_in_alphabetical_order() -> None:
    sentences = misspelt({"CORO_MAX_TOKEN": "1", "CORO_HOSTS": "1"})
    assert [sentence.split()[0] for sentence in sentences] == ["CORO_HOSTS", "CORO_MAX_TOKEN"]


@pytest.mark.parametrize("name", [*VARIABLES, "CORO_SOMETHING_ELSE", "PROT", "MAX_MODELS", "CORO"])
def test_settings_and_unrelated_variables_are_not_reported(name: str) -> None:
    assert misspelt({name: "x"}) == []


# --- .env.example

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
ASSIGNMENT = re.compile(r"^(#\s?)?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
PLUGIN_SOURCE = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("plugins/*/src/**/*.py"))
)
# Every constant in capitals that a plugin reads from, or writes to, its mapping of settings.
PLUGIN_VARIABLES = set(
    re.findall(r'"([A-Z][A-Z0-9]*_(?:API_KEY|BASE_URL|SDK))"', PLUGIN_SOURCE)
) | set(re.findall(r'environ(?:\.get\(|\[|,)\s*"([A-Z][A-Z0-9_]+)"', PLUGIN_SOURCE))


UPSTREAM = "CORO_UPSTREAM_LLAMA_70B"
"""One example: this variable is named after a model id, not after a field."""
SERVICES = {
    "CORO_OPENAI_MISTRAL_API_KEY",
    "CORO_OPENAI_MISTRAL_MODELS",
    "CORO_OPENAI_OLLAMA_MODELS",
}
"""Examples: these variables are named after services of coro-openai."""


def test_the_example_names_every_variable_once_and_no_other() -> None:
    assert {"GEMINI_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY"} <= PLUGIN_VARIABLES
    named = [match[2] for match in ASSIGNMENT.finditer(EXAMPLE)]
    assert sorted(named) == sorted({*VARIABLES, *PLUGIN_VARIABLES, UPSTREAM, *SERVICES})


def test_the_defaults_in_the_example_are_the_defaults_of_the_code() -> None:
    shown = {match[2]: match[3] for match in ASSIGNMENT.finditer(EXAMPLE)}
    settings = read_settings({name: text for name, text in shown.items() if name in VARIABLES})
    assert settings == read_settings({})
    for name, text in shown.items():
        if name in VARIABLES:
            # The example shows every default except empty ones.
            assert (text == "") is (value_of(name, {}) in ((), ""))


def test_the_addresses_in_the_example_are_the_defaults_of_the_plugins() -> None:
    shown = {match[2]: match[3] for match in ASSIGNMENT.finditer(EXAMPLE)}
    addresses = {name for name in PLUGIN_VARIABLES if name.endswith("_BASE_URL")}
    assert addresses
    for name in addresses:
        default = re.search(
            rf'base_url\(\s*environ,\s*"{name}",\s*"([^"]+)"', PLUGIN_SOURCE
        ) or re.search(rf'ADDRESS = "{name}"\nDEFAULT_ADDRESS = "([^"]+)"', PLUGIN_SOURCE)
        assert default is not None
        assert shown[name] == default[1]


def test_an_unchanged_copy_of_the_example_sets_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    environ = read_environ({}, tmp_path / ".env")
    assert read_settings(environ) == read_settings({})
    assert set(environ.values()) <= {""}
    assert set(environ) == {name for name in PLUGIN_VARIABLES if name.endswith("_API_KEY")}


def test_every_line_of_the_example_can_be_uncommented(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(ASSIGNMENT.sub(r"\2=\3", EXAMPLE), encoding="utf-8")
    assert set(dotenv_values(path)) == {*VARIABLES, *PLUGIN_VARIABLES, UPSTREAM, *SERVICES}
    assert read_settings(read_environ({}, path)) == read_settings({})
