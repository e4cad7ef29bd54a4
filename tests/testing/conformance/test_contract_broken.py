"""Each deliberately broken plugin fails its own check, and no other check of the same group.

With CONTRACT_WHOLE=1, all other groups run as well.
"""

import os

import pytest

from coro_core.testing.conformance.catalogue import CHECKS, GROUPS
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.suite import Contract, Verdict
from support.conformance import broken_calls, broken_data, broken_import, broken_manners
from support.conformance.acme import Acme
from support.conformance.broken import BROKEN
from support.plugins import Installer

WHOLE = "CONTRACT_WHOLE" in os.environ
MODULES = (broken_calls, broken_data, broken_import, broken_manners)


@pytest.fixture(autouse=True)
def _close_sockets(monkeypatch):
    monkeypatch.delenv("ACME_SDK_KEY", raising=False)
    yield
    for held in broken_manners.HELD:
        held.close()
    broken_manners.HELD.clear()


@pytest.mark.parametrize(
    ("check", "plugin"), BROKEN, ids=[f"{check}-{plugin.__name__}" for check, plugin in BROKEN]
)
def test_a_broken_plugin_fails_its_own_check_only(
    check: str, plugin: type, install: Installer
) -> None:
    if check != "entry-point":
        install.add("acme", plugin)
    contract = Contract(PluginUnderTest(plugin, name="acme"))
    kind = {each.name for group in GROUPS for each in group if CHECKS[check] in group}
    findings = [contract.finding(name) for name in CHECKS if WHOLE or name in kind]
    failed = {each.name: each.detail for each in findings if each.verdict is Verdict.FAILED}
    assert list(failed) == [check], failed
    assert failed[check].endswith((".", "?"))


def test_every_check_has_a_broken_plugin() -> None:
    assert {check for check, _ in BROKEN} == set(CHECKS)


def test_the_base_of_the_broken_plugins_passes(install: Installer) -> None:
    install.add("acme", Acme)
    findings = Contract(PluginUnderTest(Acme, name="acme")).findings()
    assert {finding.verdict for finding in findings} == {Verdict.PASSED}
