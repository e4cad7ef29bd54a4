"""The fault report: each fault that was tried on a plugin, and its outcome."""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class FaultReport:
    """Every fault that was tried, by plugin, with what went wrong."""

    tried: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Fault and plugin, and whether it was survived."""
    tests: set[str] = field(default_factory=set)
    """The tests that were run in this process."""

    @property
    def faults(self) -> set[str]:
        """The distinct faults, each of them tried on one plugin or on several."""
        return {fault for fault, _ in self.tried}

    def tally(self) -> dict[str, tuple[int, int]]:
        """Return for each plugin how many faults were tried and how many survived."""
        tried = Counter(plugin for _, plugin in self.tried)
        survived = Counter(plugin for (_, plugin), well in self.tried.items() if well)
        return {plugin: (tried[plugin], survived[plugin]) for plugin in sorted(tried)}


REPORT = FaultReport()


@dataclass(slots=True)
class FaultCases:
    """The faults that one test tries on one plugin; a failed one does not end the others."""

    plugin: str
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def case(self, fault: str) -> Iterator[None]:
        """Try one fault; keep a failure for `raise_failures`."""
        assert (fault, self.plugin) not in REPORT.tried, f"{fault} is tried twice"
        REPORT.tried[fault, self.plugin] = False
        try:
            yield
        except Exception as exc:
            last = traceback.extract_tb(exc.__traceback__)[-1]
            what = str(exc) or type(exc).__name__
            self.failures.append(f"{fault}, {self.plugin} ({last.name}:{last.lineno}): {what}")
        else:
            REPORT.tried[fault, self.plugin] = True

    def raise_failures(self) -> None:
        """Fail with a line for every fault that was not survived."""
        assert not self.failures, "not survived:\n" + "\n".join(self.failures)
