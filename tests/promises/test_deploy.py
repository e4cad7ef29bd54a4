"""The files that hosts read: they agree with each other and with the settings."""

import json
import re

from coro_core.config.settings import Settings
from support.paths import ROOT

RENDER_GRACE_SECONDS = 30
"""Time to stop in seconds on Render's free plan (https://render.com/docs, 2026-11-22)."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_host_starts_the_same_command() -> None:
    command = text("Procfile").strip().removeprefix("web: ")
    assert f"    startCommand: {command}\n" in text("render.yaml")
    [docker] = re.findall(r"^CMD (\[.*\])$", text("Dockerfile"), re.MULTILINE)
    # In exec form: a shell in between would keep the signal to stop to itself.
    assert json.loads(docker) == command.split()
    assert "startCommand" not in json.loads(text("railway.json"))["deploy"]


def test_every_host_asks_for_health_and_waits_for_longer_than_a_stop_takes() -> None:
    railway = json.loads(text("railway.json"))["deploy"]
    longest = 2 * Settings.model_validate({}).shutdown_grace
    assert longest < railway["drainingSeconds"]
    assert longest < RENDER_GRACE_SECONDS
    assert railway["healthcheckPath"] == "/health"
    assert "    healthCheckPath: /health\n" in text("render.yaml")
    assert "'/health'" in text("Dockerfile")


def test_the_image_does_not_run_as_root() -> None:
    last_stage = text("Dockerfile").rpartition("\nFROM ")[2]
    [user] = re.findall(r"^USER (\d+)$", last_stage, re.MULTILINE)
    assert int(user) > 0


def test_the_lock_holds_a_hash_for_every_version_and_the_constraints_the_same_versions() -> None:
    lock = text("deploy/requirements.lock")
    entries = re.split(r"\n(?=\w)", lock.partition("\n")[2])
    assert len(entries) > 40
    assert all("--hash=sha256:" in entry for entry in entries)
    pinned = [entry.partition(" \\")[0] for entry in entries]
    assert pinned == text("deploy/constraints.txt").splitlines()[1:]
    assert all(re.match(r"[\w.-]+==\S+", pin) for pin in pinned)


def test_every_line_of_the_requirements_is_a_project_here() -> None:
    lines = [line for line in text("requirements.txt").splitlines() if line[:1] == "."]
    assert lines[0] == "."
    assert all((ROOT / line / "pyproject.toml").is_file() for line in lines)
    assert "-c deploy/constraints.txt" in text("requirements.txt").splitlines()
