"""What is known of one plugin: its state, and how its provider has lately done."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from coro_core.contract.errors import AuthenticationFailed, ProviderError
from coro_core.contract.types import Model, Service

_log = structlog.get_logger("coro.plugins")


class State(StrEnum):
    """What has become of a plugin."""

    STARTING = "starting"
    READY = "ready"
    DISABLED = "disabled"
    UNCONFIGURED = "unconfigured"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(slots=True)
class Traffic:
    """How calls and discoveries went, by the wall clock: for people, never for decisions."""

    last_success: datetime | None = None
    last_error: datetime | None = None
    last_error_code: str | None = None
    last_discovery: datetime | None = None
    last_discovery_error_code: str | None = None
    abandoned: int = 0
    """Calls that went on after their deadline although they were cancelled, ended or not."""

    def called(self, error: ProviderError | None) -> None:
        """Note how a call went."""
        if error is None:
            self.last_success = _now()
        else:
            self.last_error, self.last_error_code = _now(), error.code

    def discovered(self, error: ProviderError | None) -> None:
        """Note how a discovery went."""
        self.last_discovery = _now()
        self.last_discovery_error_code = error.code if error else None


@dataclass(slots=True, kw_only=True)
class PluginRecord:
    """What is known of one plugin."""

    name: str
    distribution: str
    version: str
    state: State = State.STARTING
    reason: str | None = None
    """One line that says why it is in that state; `None` when there is nothing to say."""
    models: tuple[Model, ...] = ()
    callable: bool = False
    """Whether calls can be made: it is open, even if its key was refused the last time."""
    start_finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known whether the plugin opened; for one that is to be opened."""
    traffic: Traffic = field(default_factory=Traffic)
    stragglers: int = 0
    """Abandoned calls that have not ended yet."""
    services: Callable[[], Mapping[str, Service]] = dict
    """The services it speaks for, by the prefix of their names; none for most plugins."""
    _ready_reason: str | None = None

    @property
    def provider(self) -> str:
        """Who runs its models, for people."""
        return self.models[0].provider if self.models else self.name

    def straggles(self) -> None:
        """Count a call that goes on after its deadline."""
        self.stragglers += 1
        self.traffic.abandoned += 1

    def straggles_no_more(self) -> None:
        """Count the end of one."""
        self.stragglers -= 1

    def service(self, upstream: str) -> Service | None:
        """Return the service that an upstream name belongs to, if the plugin has several."""
        return self.services().get(upstream.partition("/")[0])

    @property
    def explanation(self) -> str | None:
        """The reason for its state, or what is wrong with some of its services."""
        if self.reason or self.state is not State.READY:
            return self.reason
        return " ".join(it.reason for it in self.services().values() if it.reason) or None

    def learn_key(self, error: ProviderError | None) -> None:
        """Learn from a call or a discovery, or from its failure, whether the key is accepted.

        A refused key makes the plugin `unconfigured`, with the reason. Calls go on being made, so
        that a key that works again is noticed. Errors of any other kind say nothing, and so does a
        refusal while another of its services is well.
        """
        if not self.callable:
            return
        if isinstance(error, AuthenticationFailed) and self.state is State.READY:
            if any(service.reason is None for service in self.services().values()):
                return
            self._ready_reason, self.state, self.reason = (
                self.reason,
                State.UNCONFIGURED,
                error.message,
            )
            _log.warning("key refused", plugin=self.name, reason=self.reason)
        elif error is None and self.state is State.UNCONFIGURED:
            self.state, self.reason = State.READY, self._ready_reason
            _log.info("key accepted", plugin=self.name)


def _now() -> datetime:
    return datetime.now(UTC)
