"""The suite is tested too: each deliberately broken plugin fails by its own check, and no other.

By no other of its kind, that is, which takes a minute; by no other at all with CONTRACT_WHOLE=1.
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
def _nothing_left(monkeypatch):
    monkeypatch.delenv("ACME_SDK_KEY", raising=False)
    yield
    for held in broken_manners.HELD:
        held.close()
    broken_manners.HELD.clear()


@pytest.mark.parametrize(
    ("check", "plugin"), BROKEN, ids=[f"{check}-{plugin.__name__}" for check, plugin in BROKEN]
)
def test_a_broken_plugin_fails_by_its_own_check_alone(
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


def test_the_plugin_that_they_are_made_of_keeps_the_contract(install: Installer) -> None:
    install.add("acme", Acme)
    findings = Contract(PluginUnderTest(Acme, name="acme")).findings()
    assert {finding.verdict for finding in findings} == {Verdict.PASSED}
