"""One provider's model names: which are served, and the order in which to try them.

Two sources: the provider's list, and the calls. A call's verdict beats the list. Providers list
models that an account cannot call, and serve models that they do not list.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

RETIRED_SECONDS = 600.0
"""A name that a call found retired is tried last for this long."""
VERDICT_SECONDS = 0.5
"""Calls wait this long for the verdict of the first call of a name in doubt. A refusal comes at
once. An answer takes longer and is not waited for."""
MAX_NAMES = 1000
"""Verdicts kept of each kind; the oldest is dropped, since callers may invent any name."""


class Upstreams:
    """The names of one provider. For use on one event loop."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        verdict_seconds: float = VERDICT_SECONDS,
    ) -> None:
        """Start without any knowledge. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._verdict_seconds = verdict_seconds
        self._listed: frozenset[str] = frozenset()
        self._by_name: Sequence[str] = ()
        self._confirmed: dict[str, float] = {}
        self._own_names: dict[str, float] = {}
        self._dropped: set[str] = set()
        self._retired: dict[str, float] = {}
        self._in_flight: dict[str, asyncio.Future[None]] = {}

    @property
    def listed(self) -> Collection[str]:
        """The names of the provider's latest list; empty when there is no list."""
        return self._listed

    @listed.setter
    def listed(self, names: Collection[str]) -> None:
        before, self._listed = self._listed, frozenset(names)
        self._by_name = sorted(self._listed)
        # A list that drops a name refutes earlier answers, until the next answer.
        self._dropped |= self._confirmed.keys() & before
        self._dropped -= self._listed

    @property
    def listed_by_name(self) -> Sequence[str]:
        """The names of the provider's latest list, in alphabetical order."""
        return self._by_name

    def order(self, candidates: tuple[str, ...]) -> tuple[str, ...]:
        """Return all candidates in the order to try them.

        First come the names that are on the list or confirmed, then the others. Names that a call
        lately found retired come last, since one of them may be back. A list that holds none of
        the candidates is ignored.
        """
        if len(candidates) == 1:
            return candidates
        list_counts = any(name in self._listed for name in candidates)

        def rank(name: str) -> int:
            if self.is_retired(name):
                return 2
            return int(list_counts and name not in self._listed and not self.is_confirmed(name))

        return tuple(sorted(candidates, key=rank))

    def is_retired(self, name: str) -> bool:
        """Tell if a call lately found `name` retired."""
        since = self._retired.get(name)
        return since is not None and self._clock() - since < RETIRED_SECONDS

    def in_doubt(self, name: str) -> bool:
        """Tell if a call of `name` may well find it retired.

        An answer confirms a name until a call finds it retired or the list drops it. Without an
        answer, a name is in doubt if a call found it retired or the list does not hold it.
        """
        if name in self._confirmed:
            return name in self._dropped
        return name in self._retired or name not in self._listed

    @asynccontextmanager
    async def single_flight(self, name: str) -> AsyncIterator[bool]:
        """Yield True if the caller should call `name` now; it then confirms or retires the name.

        Only one call at a time checks a name in doubt. The others wait a moment for its verdict,
        and get False if the name was found retired meanwhile.
        """
        loop = asyncio.get_running_loop()
        began, give_up = self._clock(), loop.time() + self._verdict_seconds
        while self.in_doubt(name) and (first := self._in_flight.get(name)) is not None:
            left = give_up - loop.time()
            if left <= 0:
                break
            await asyncio.wait({first}, timeout=left)
            if self._retired.get(name, -1.0) >= began:
                yield False
                return
        is_first = name not in self._in_flight and self.in_doubt(name)
        if is_first:
            self._in_flight[name] = loop.create_future()
        try:
            yield True
        finally:
            if is_first:
                self._in_flight.pop(name).set_result(None)

    def confirm(self, name: str) -> None:
        """Remember that a call of `name` was answered."""
        if name in self._confirmed and name not in self._dropped:
            return
        self._dropped.discard(name)
        self._retired.pop(name, None)
        self._remember(self._confirmed, name)

    def mark_retired(self, name: str) -> None:
        """Remember that the provider says it does not serve `name`."""
        self._confirmed.pop(name, None)
        self._dropped.discard(name)
        self._remember(self._retired, name)

    def note_own_name(self, name: str) -> None:
        """Remember that a reply to a call of `name` named that model itself."""
        if name not in self._own_names:
            self._remember(self._own_names, name)

    def has_own_name(self, name: str) -> bool:
        """Tell if `name` is a model's own: a call of it was once answered under that name.

        An alias or a deployment's name never is: replies always name the model behind it.
        """
        return name in self._own_names

    def is_confirmed(self, name: str) -> bool:
        """Tell if a call of `name` was answered, and none has found it retired since."""
        return name in self._confirmed

    def _remember(self, verdicts: dict[str, float], name: str) -> None:
        # Reinsert the name, so that the dictionary is ordered by age and the oldest is dropped.
        verdicts.pop(name, None)
        verdicts[name] = self._clock()
        if len(verdicts) > MAX_NAMES:
            oldest = next(iter(verdicts))
            del verdicts[oldest]
            self._dropped.discard(oldest)
