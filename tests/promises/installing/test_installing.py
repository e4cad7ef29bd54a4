"""Plugins come, change and go as pip makes them: what each step leaves is clear, others go on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.environments import Environment, build

Project = Callable[..., Path]


def plugins(environment: Environment, cwd: Path) -> dict[str, Any]:
    done = environment.coro("plugins", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return {plugin["name"]: plugin for plugin in json.loads(done.stdout)}


def test_a_plugin_is_there_once_it_is_installed_and_gone_once_it_is_not(
    environment: Environment, project: Project, tmp_path: Path
) -> None:
    """From a wheel, then editable over it; from a path, the next test."""
    folder = project("acme")
    [wheel] = build(folder, tmp_path)
    assert plugins(environment, tmp_path) == {}
    for what in ([wheel], ["--editable", folder]):
        environment.install(*what)
        assert plugins(environment, tmp_path)["acme"]["state"] == "ready"
    environment.uninstall("coro-acme")
    assert plugins(environment, tmp_path) == {}


def test_an_upgrade_and_a_downgrade_change_the_models_and_nothing_is_left_over(
    environment: Environment, project: Project, tmp_path: Path
) -> None:
    old = project("acme", version="1.0", model="acme-1")
    new = project("acme", version="2.0", model="acme-1,acme-2")
    for folder, version, models in (
        (old, "1.0", ["acme-1"]),
        (new, "2.0", ["acme-1", "acme-2"]),
        (old, "1.0", ["acme-1"]),
    ):
        environment.install(folder)
        found = plugins(environment, tmp_path)
        assert [(name, it["version"], it["models"]) for name, it in found.items()] == [
            ("acme", version, models)
        ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"contract": 2}, "it is built for contract 2, and coro-core 0.1.0 speaks contract 1"),
        (
            {"core": "coro-core<0.9,>=0.8"},
            "it is built for coro-core <0.9,>=0.8, and this is coro-core 0.1.0",
        ),
    ],
)
def test_a_plugin_from_the_future_is_refused_with_both_versions_named(
    fields: dict[str, Any],
    reason: str,
    environment: Environment,
    project: Project,
    tmp_path: Path,
) -> None:
    environment.install(project("future", **fields), project("acme"))
    found = plugins(environment, tmp_path)
    assert (found["future"]["state"], found["future"]["reason"]) == ("rejected", reason)
    assert found["acme"]["state"] == "ready"


def test_the_first_plugin_by_name_gets_a_contested_id_and_the_other_gives_the_reason(
    environment: Environment, project: Project, tmp_path: Path
) -> None:
    environment.install(project("zeta", model="shared,own"), project("acme", model="shared"))
    found = plugins(environment, tmp_path)
    assert (found["acme"]["models"], found["acme"]["reason"]) == (["shared"], None)
    assert (found["zeta"]["models"], found["zeta"]["reason"]) == (
        ["own"],
        "the model id shared is taken by acme",
    )


def test_a_folder_that_is_deleted_under_an_editable_install_costs_its_plugin_alone(
    environment: Environment, project: Project, tmp_path: Path
) -> None:
    folder = project("acme")
    environment.install("--editable", folder)
    environment.install(project("beta"))
    shutil.rmtree(folder)
    found = plugins(environment, tmp_path)
    assert (found["acme"]["state"], found["acme"]["reason"]) == (
        "failed",
        "its code is gone: there is no coro_acme; install coro-acme again, or uninstall it",
    )
    assert found["beta"]["state"] == "ready"
    environment.uninstall("coro-acme")
    assert set(plugins(environment, tmp_path)) == {"beta"}


def test_the_lines_for_a_deployment_install_the_same_again(
    environment: Environment, project: Project, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    folder = project("acme")
    [wheel] = build(project("beta"), here)
    shutil.move(folder, here / "acme")
    environment.install(wheel, here / "acme", project("gamma"))
    environment.install("--editable", project("delta"))
    done = environment.coro("plugins", "--requirements", cwd=here)
    lines = done.stdout.splitlines()
    assert [line.split(" @ ")[0] for line in lines] == [
        *("coro-core", "./acme", "coro-beta", "coro-delta", "coro-gamma"),
    ]
    (here / "requirements.txt").write_text(done.stdout)
    other = Environment(tmp_path / "other")
    other.install("-r", "requirements.txt", cwd=here)
    assert plugins(other, tmp_path) == plugins(environment, tmp_path)
