"""Running the checks on one plugin, each at most once, and saying what was found."""

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
"""How long one check may take: far more than any does."""


class Verdict(StrEnum):
    """What has become of a check."""

    PASSED = "passed"
    FAILED = "failed"
    EXCEPTED = "excepted"
    """The plugin declares an exception, with a reason."""
    NOT_RUN = "not run"
    """A check that it builds on has not passed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what has become of it."""

    name: str
    promise: str
    verdict: Verdict
    detail: str
    """What is wrong, or the reason for an exception, or something worth knowing; or nothing."""
    seconds: float


class Contract:
    """The whole contract, held against one plugin."""

    def __init__(self, subject: PluginUnderTest) -> None:
        self.subject = subject
        self._findings: dict[str, Finding] = {}

    @property
    def kept(self) -> bool:
        """Whether no check has failed."""
        return all(finding.verdict is not Verdict.FAILED for finding in self.findings())

    def findings(self) -> list[Finding]:
        """Run every check that was not run yet."""
        return [self.finding(name) for name in CHECKS]

    def finding(self, name: str) -> Finding:
        """Run one check, and before it those that it builds on, unless they were run already."""
        if name not in self._findings:
            start = time.perf_counter()
            verdict, detail = self._verdict(CHECKS[name])
            seconds = time.perf_counter() - start
            promise = CHECKS[name].promise
            self._findings[name] = Finding(name, promise, verdict, detail, seconds)
        return self._findings[name]

    def _verdict(self, check: Check) -> tuple[Verdict, str]:
        reason = self._exceptions().get(check.name)
        if reason is not None:
            return Verdict.EXCEPTED, reason
        for need in check.needs:
            if (verdict := self.finding(need).verdict) is not Verdict.PASSED:
                return Verdict.NOT_RUN, f"It builds on {need}: {verdict}."
        try:
            detail = run_in_loop_thread(lambda: check.run(self.subject), _SECONDS)
        except Failure as broken:
            return Verdict.FAILED, str(broken)
        except ProviderError as error:
            return Verdict.FAILED, f"It raises {type(error).__name__}, that is: {error}"
        except Exception as exc:
            # The author's to read, and nothing in it is worth keeping: all keys here are made up.
            return Verdict.FAILED, f"It raises {describe(exc)}: {exc}."
        return Verdict.PASSED, detail or ""

    def _exceptions(self) -> Mapping[str, str]:
        """Return the exceptions that are declared as they must be; a check tells of the others."""
        declared: Any = getattr(self.subject.plugin, "coro_exceptions", {})
        if not isinstance(declared, Mapping):
            return {}
        return {
            name: reason
            for name, reason in declared.items()
            if name != "exceptions" and isinstance(reason, str) and reason.strip()
        }
