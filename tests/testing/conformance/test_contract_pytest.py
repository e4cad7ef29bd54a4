"""The pytest class has a test for each check; nothing else needs pytest."""

import subprocess
import sys

import pytest

from coro_core.testing.conformance.document import page
from support.paths import ROOT

pytest_plugins = ("pytester",)

TESTS = """
from coro_core.testing import ProviderContract
from support.conformance.acme import Acme

class Excepted(Acme):
    coro_exceptions = {"temperature": "Acme takes no temperature."}

class Wrong(Acme):
    coro_contract = 7

class TestExcepted(ProviderContract):
    plugin = Excepted

class TestWrong(ProviderContract):
    plugin = Wrong

class TestWithSettings(ProviderContract):
    plugin = Acme
    environ = {"ACME_API_KEY": "x"}
"""


def test_each_check_is_a_test_with_its_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess(
        *("-o", "asyncio_default_fixture_loop_scope=function", "-rfs"),
        *("-k", "temperature or contract-version or key-missing"),
    )
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED*temperature is waived: Acme takes no temperature.*",
            "SKIPPED*temperature is not run: It depends on answer: not run.*",
            "*coro_contract is 7; this core speaks 1.*",
        ]
    )
    # The test's own settings are part of the mapping, even without the simulator's key.
    assert result.parseoutcomes() == {"passed": 5, "failed": 1, "skipped": 3, "deselected": 252}


def test_without_pytest_only_the_class_is_missing() -> None:
    code = """
import sys
sys.modules["pytest"] = None
import coro_core.testing
from coro_core.testing.conformance.suite import Contract
try:
    coro_core.testing.ProviderContract
except ImportError as exc:
    print(exc)
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stderr) == (0, "")
    assert "pytest" in child.stdout


def test_the_page_lists_the_checks_as_they_are() -> None:
    written = (ROOT / "docs" / "contract-checks.md").read_text()
    assert written == page(), "run make contract"
