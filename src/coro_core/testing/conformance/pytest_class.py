"""The contract as a pytest class. The only module that needs pytest."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from coro_core.testing.conformance.catalogue import CHECKS
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.suite import Contract, Verdict


class ProviderContract:
    """The whole contract, one test per check: `class TestContract(ProviderContract)`.

    A check that the plugin waives in `coro_exceptions` is skipped with its reason. So is a check
    that depends on one that did not pass.
    """

    plugin: ClassVar[Any]
    """The class of the plugin."""
    environ: ClassVar[Mapping[str, str]] = {}
    """Settings for the test, beside those of its simulator."""
    _contract: ClassVar[Contract]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "plugin" in vars(cls) or "environ" in vars(cls):
            cls._contract = Contract(PluginUnderTest(cls.plugin, environ=cls.environ))

    @pytest.mark.parametrize("check", CHECKS)
    def test_contract(self, check: str) -> None:
        """Check one promise of the plugin."""
        finding = self._contract.finding(check)
        if finding.verdict is Verdict.FAILED:
            pytest.fail(f"{finding.promise}\n{finding.detail}", pytrace=False)
        if finding.verdict is not Verdict.PASSED:
            pytest.skip(f"{finding.name} is {finding.verdict}: {finding.detail}")
