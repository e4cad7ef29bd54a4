"""Which faults were tried on which plugin, and which were survived: the suite's own account."""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
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


LEDGER = Ledger()


@dataclass(slots=True)
class Trials:
    """The faults that one test tries on one plugin: each counts, and none ends the others."""

    plugin: str
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def trial(self, fault: str) -> Iterator[None]:
        """Try one fault; what goes wrong is kept for `verdict`."""
        assert (fault, self.plugin) not in LEDGER.tried, f"{fault} is tried twice"
        LEDGER.tried[fault, self.plugin] = False
        try:
            yield
        except Exception as exc:
            last = traceback.extract_tb(exc.__traceback__)[-1]
            what = str(exc) or type(exc).__name__
            self.failures.append(f"{fault}, {self.plugin} ({last.name}:{last.lineno}): {what}")
        else:
            LEDGER.tried[fault, self.plugin] = True

    def verdict(self) -> None:
        """Fail with a line for every fault that was not survived."""
        assert not self.failures, "not survived:\n" + "\n".join(self.failures)
