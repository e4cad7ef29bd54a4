"""The suite: run the checks on one plugin, each at most once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coro_core.contract.errors import ProviderError, describe
from coro_core.testing.conformance.catalogue import CHECKS
from coro_core.testing.conformance.failure import Failure
from coro_core.testing.conformance.loop_thread import run_in_loop_thread
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.registry import Check

_SECONDS = 90.0
"""The longest time for one check, far more than any needs; it fails then."""


class Verdict(StrEnum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    """The plugin declares an exception, with a reason."""
    NOT_RUN = "not run"
    """A check that it depends on has not passed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its result."""

    name: str
    promise: str
    verdict: Verdict
    detail: str
    """The defect, the reason for an exception, a detail, or nothing."""
    seconds: float


class Contract:
    """The whole contract, checked on one plugin."""

    def __init__(self, plugin: PluginUnderTest) -> None:
        self.plugin = plugin
        self._findings: dict[str, Finding] = {}

    @property
    def passed(self) -> bool:
        """True if no check has failed."""
        return all(finding.verdict is not Verdict.FAILED for finding in self.findings())

    def findings(self) -> list[Finding]:
        """Return every finding; run the checks that have not run yet."""
        return [self.finding(name) for name in CHECKS]

    def finding(self, name: str) -> Finding:
        """Return one finding; run the check, after those it depends on, if it has not run yet."""
        if name not in self._findings:
            start = time.perf_counter()
            verdict, detail = self._verdict(CHECKS[name])
            seconds = time.perf_counter() - start
            promise = CHECKS[name].promise
            self._findings[name] = Finding(name, promise, verdict, detail, seconds)
        return self._findings[name]

    def _verdict(self, check: Check) -> tuple[Verdict, str]:
        reason = self._waivers().get(check.name)
        if reason is not None:
            return Verdict.WAIVED, reason
        for other in check.depends_on:
            if (verdict := self.finding(other).verdict) is not Verdict.PASSED:
                return Verdict.NOT_RUN, f"It depends on {other}: {verdict}."
        try:
            detail = run_in_loop_thread(lambda: check.run(self.plugin), _SECONDS)
        except Failure as broken:
            return Verdict.FAILED, str(broken)
        except ProviderError as error:
            return Verdict.FAILED, f"It raises {type(error).__name__}, that is: {error}"
        except Exception as exc:
            # The text is for the author. It holds no secret: every key of the suite is made up.
            return Verdict.FAILED, f"It raises {describe(exc)}: {exc}."
        return Verdict.PASSED, detail or ""

    def _waivers(self) -> Mapping[str, str]:
        """Return the valid declared exceptions; the check "exceptions" reports the others."""
        declared: Any = getattr(self.plugin.plugin_class, "coro_exceptions", {})
        if not isinstance(declared, Mapping):
            return {}
        return {
            name: reason
            for name, reason in declared.items()
            if name != "exceptions" and isinstance(reason, str) and reason.strip()
        }
