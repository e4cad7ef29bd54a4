"""What is known of one provider's own model names, and the order in which to try them.

Two sources: the provider's list, and the calls. A call's verdict beats the list, since providers
list models that an account cannot call, and serve models that they do not list.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

GONE_SECONDS = 600.0
"""How long a name that a call found gone is tried last."""
PROVEN_SECONDS = 30.0
"""How long an answer proves that a name is served, so that calls for it need not be careful."""
VERDICT_SECONDS = 0.5
"""How long calls wait for the verdict of the first one on a name that is not proven. A refusal
comes at once; an answer takes longer, and is not waited for."""
MAX_NAMES = 1000
"""How many verdicts are kept: callers may name any model, for ever new ones."""


class Upstreams:
    """The names of one provider. For use on one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._listed: Collection[str] = ()
        self._answered: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._probes: dict[str, asyncio.Future[None]] = {}

    @property
    def listed(self) -> Collection[str]:
        """The names of the provider's list, as last seen; empty when there is none."""
        return self._listed

    @listed.setter
    def listed(self, names: Collection[str]) -> None:
        self._listed = frozenset(names)

    def order(self, candidates: tuple[str, ...]) -> tuple[str, ...]:
        """Return all candidates in the order to try them.

        First those that the list holds or a call has proved; then the others, but for those that a
        call has lately found gone: these come last, since one of them may be back. A list that
        holds none of the candidates says nothing.
        """
        if len(candidates) == 1:
            return candidates
        telling = any(name in self._listed for name in candidates)

        def rank(name: str) -> int:
            if self.is_gone(name):
                return 2
            return int(telling and name not in self._listed and name not in self._answered)

        return tuple(sorted(candidates, key=rank))

    def is_gone(self, name: str) -> bool:
        """Tell whether a call has lately found `name` gone."""
        since = self._gone.get(name)
        return since is not None and self._clock() - since < GONE_SECONDS

    @asynccontextmanager
    async def careful(self, name: str) -> AsyncIterator[bool]:
        """Yield whether to call `name` now; the caller says `answered` or `gone` inside.

        For a name that is not `proven`: of many calls, one goes first. The others wait a moment for
        its verdict, and do not call when the name was found gone meanwhile.
        """
        loop = asyncio.get_running_loop()
        began, patience = self._clock(), loop.time() + VERDICT_SECONDS
        while not self.proven(name) and (probe := self._probes.get(name)) is not None:
            left = patience - loop.time()
            if left <= 0:
                break
            await asyncio.wait({probe}, timeout=left)
            if self._gone.get(name, -1.0) >= began:
                yield False
                return
        first = name not in self._probes and not self.proven(name)
        if first:
            self._probes[name] = loop.create_future()
        try:
            yield True
        finally:
            if first:
                self._probes.pop(name).set_result(None)

    def answered(self, name: str) -> None:
        """Remember that a call of `name` was served."""
        self._gone.pop(name, None)
        self._remember(self._answered, name)

    def gone(self, name: str) -> None:
        """Remember that the provider says it does not serve `name`."""
        self._answered.pop(name, None)
        self._remember(self._gone, name)

    def proven(self, name: str) -> bool:
        """Tell whether `name` was served so lately that calling it needs no care."""
        since = self._answered.get(name)
        return since is not None and self._clock() - since < PROVEN_SECONDS

    def _remember(self, verdicts: dict[str, float], name: str) -> None:
        # Taken out first, so that the order is that of the verdicts and the oldest is dropped.
        verdicts.pop(name, None)
        verdicts[name] = self._clock()
        if len(verdicts) > MAX_NAMES:
            del verdicts[next(iter(verdicts))]
