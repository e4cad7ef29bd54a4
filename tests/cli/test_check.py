"""`coro check`: the keys, and the upstream model behind each id."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process


def check(tmp_path: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    with Process("check", *arguments, cwd=tmp_path, environ=environ) as process:
        return process.wait(), process.output


def checked(tmp_path: Path, *arguments: str, **environ: str) -> tuple[int, Any]:
    code, output = check(tmp_path, "--json", *arguments, **environ)
    return code, json.loads(output)


def test_the_demo_accepts_every_key_and_serves_every_model(tmp_path: Path) -> None:
    code, found = checked(tmp_path, "--demo")
    assert code == 0
    assert {p["plugin"]: (p["key"], p["served"] > 0) for p in found["providers"]} == {
        "deepseek": ("accepted", True),
        "gemini": ("accepted", True),
        "groq": ("accepted", True),
        "openai": ("accepted", True),
    }
    models = {model["model"]: model for model in found["models"]}
    assert set(models) == {"gemini", "llama-70b", "llama-8b", "mixtral", "deepseek"}
    assert models["mixtral"]["upstream_model"] == "qwen/qwen3.8-27b"
    assert models["mixtral"]["substituted"] is True
    assert models["mixtral"]["reason"] == "mixtral-8x7b-32768 is no longer served."
    assert all(model["usable"] and model["response"] is None for model in models.values())


def test_missing_keys_are_named_with_exit_code_1(tmp_path: Path) -> None:
    code, output = check(tmp_path)
    assert code == 1
    for name in ("GEMINI_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY"):
        assert f"{name} is not set; get one at https://" in output


def test_the_key_of_a_disabled_plugin_is_not_checked(tmp_path: Path) -> None:
    code, found = checked(tmp_path, "--demo", CORO_DISABLED_PLUGINS="groq")
    assert code == 0
    keys = {provider["plugin"]: provider["key"] for provider in found["providers"]}
    assert keys == {
        "deepseek": "accepted",
        "gemini": "accepted",
        "groq": "not checked",
        "openai": "accepted",
    }


def test_a_refused_key_fails_only_a_check_of_its_own_models(tmp_path: Path) -> None:
    refused = {"CORO_DEMO_FAIL": "groq"}
    code, found = checked(tmp_path, "--demo", "mixtral", **refused)
    assert code == 1
    [provider] = found["providers"]
    assert provider["key"] == "refused"
    assert "GROQ_API_KEY" in provider["reason"]
    assert found["models"][0]["usable"] is False
    code, found = checked(tmp_path, "--demo", "gemini", "deepseek", **refused)
    assert code == 0
    assert [provider["plugin"] for provider in found["providers"]] == ["deepseek", "gemini"]


def test_generate_shows_answers_and_latencies(tmp_path: Path) -> None:
    code, found = checked(tmp_path, "--demo", "--generate", "llama-8b", "groq:groq/compound-mini")
    assert code == 0
    for model, upstream in zip(
        found["models"], ["openai/gpt-oss-20b", "groq/compound-mini"], strict=True
    ):
        assert model["upstream_model"] == upstream
        assert model["latency_ms"] > 0
        assert "simulated" in model["response"]


def test_a_model_without_a_served_candidate_is_unusable(tmp_path: Path) -> None:
    code, found = checked(tmp_path, "--demo", "gemini", CORO_UPSTREAM_GEMINI="gone-1,gone-2")
    assert code == 1
    assert found["models"][0]["reason"] == "None of gone-1, gone-2 is on the provider's list."


def test_an_unknown_model_is_one_line(tmp_path: Path) -> None:
    code, output = check(tmp_path, "--demo", "no-such-model")
    assert code == 2
    assert output.startswith("coro: no-such-model: No installed plugin offers this model")
    assert output.count("\n") == 1


NO_LIST = """
from support.plugins import Echo as Plugin
"""


@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--generate"], 0)])
def test_the_key_of_a_plugin_without_a_list_is_checked_by_a_call_only(
    install: Installer, tmp_path: Path, arguments: list[str], code: int
) -> None:
    install.add_source("no_list", NO_LIST)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    found_code, found = checked(tmp_path, "echo", *arguments, **environ)
    assert found_code == code
    assert found["providers"][0]["key"] == "not checked"


SLOW = """
import asyncio
from support.plugins import Echo
class Plugin(Echo):
    async def generate(self, request):
        await asyncio.sleep(60)
"""


def test_generate_obeys_the_timeout_of_the_settings(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    code, found = checked(tmp_path, "echo", "--generate", CORO_TIMEOUT="0.3", **environ)
    assert code == 1
    [row] = found["models"]
    assert 300 <= row["latency_ms"] < 3000


IGNORES_ITS_CANCELLATION = """
import asyncio
from support.plugins import Echo
class Plugin(Echo):
    async def generate(self, request):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
"""


def test_a_call_that_ignores_its_cancellation_does_not_delay_the_report(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("stuck", IGNORES_ITS_CANCELLATION)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    code, output = check(tmp_path, "--generate", CORO_TIMEOUT="0.3", **environ)
    assert code == 1
    assert "Acme did not answer in time" in output


HOSTILE = """
from dataclasses import replace
from support.plugins import Echo, answer
CONTROL = "\\x1b]0;title\\x07 \\x9b2J \\u202egnp"
class Plugin(Echo):
    async def generate(self, request):
        return replace(answer(CONTROL), model=CONTROL)
"""


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_an_answer_cannot_control_the_terminal(
    install: Installer, tmp_path: Path, arguments: list[str]
) -> None:
    install.add_source("hostile", HOSTILE)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    code, output = check(tmp_path, "--generate", *arguments, **environ)
    assert code == 0
    assert "title" in output
    for control in "\x1b\x07\x9b\u202e":
        assert control not in output
