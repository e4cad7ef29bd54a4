"""One plugin's record: its state, its services, and how its provider has lately done."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog

from coro_core.contract.errors import AuthenticationFailed, NotConfigured, ProviderError
from coro_core.contract.types import Model, Service

_log = structlog.get_logger("coro.plugins")


class State(StrEnum):
    """The states of a plugin."""

    STARTING = "starting"
    READY = "ready"
    DISABLED = "disabled"
    UNCONFIGURED = "unconfigured"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(slots=True)
class Traffic:
    """Times of calls and refreshes, by the wall clock: for people, never for decisions."""

    last_success: datetime | None = None
    last_error: datetime | None = None
    last_error_code: str | None = None
    last_discovery: datetime | None = None
    last_discovery_error_code: str | None = None

    def called(self, error: ProviderError | None) -> None:
        """Note the outcome of a call."""
        if error is None:
            self.last_success = _now()
        else:
            self.last_error, self.last_error_code = _now(), error.code

    def discovered(self, error: ProviderError | None) -> None:
        """Note the outcome of a refresh."""
        self.last_discovery = _now()
        self.last_discovery_error_code = error.code if error else None


@dataclass(slots=True)
class AbandonedCalls:
    """Calls of one service that ignored their cancellation."""

    running: int = 0
    """Abandoned calls that have not ended yet."""
    total: int = 0

    def add(self, task: asyncio.Task[Any]) -> None:
        """Count a call; it runs until its task is done."""
        self.running += 1
        self.total += 1
        task.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[Any]) -> None:
        self.running -= 1


@dataclass(slots=True, kw_only=True)
class PluginRecord:
    """The record of one plugin."""

    name: str
    distribution: str
    version: str
    state: State = State.STARTING
    reason: str | None = None
    """One line that explains the state; `None` when there is nothing to explain."""
    models: tuple[Model, ...] = ()
    key_missing: bool = False
    """True if the plugin could not open because its key is not set."""
    callable: bool = False
    """True while the plugin is open, even if its key was refused the last time."""
    start_finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the plugin has opened or failed to open. Never set for a plugin that is skipped."""
    traffic: Traffic = field(default_factory=Traffic)
    ask_services: Callable[[], Mapping[str, Service]] = dict
    """Asks the plugin for its services. `refresh_services` alone calls this."""
    services: Mapping[str, Service] = field(default_factory=dict)
    """The plugin's services, by the prefix of their names, as last asked; none for most plugins."""
    abandoned: dict[str, AbandonedCalls] = field(default_factory=dict)
    """Abandoned calls by the prefix of their service; under "" without a service."""
    _ready_reason: str | None = None

    @property
    def provider(self) -> str:
        """The company behind its models, for people."""
        return self.models[0].provider if self.models else self.name

    def refresh_services(self) -> None:
        """Ask the plugin for its services: when it lists its models, opens, or a key changes."""
        self.services = self.ask_services()

    def service(self, upstream: str) -> Service | None:
        """Return the service of an upstream model, if the plugin has several."""
        return self.services.get(upstream.partition("/")[0]) if self.services else None

    def service_prefix(self, upstream: str) -> str:
        """Return the prefix of an upstream model's service; "" without one."""
        prefix = upstream.partition("/")[0] if self.services else ""
        return prefix if prefix in self.services else ""

    def abandoned_calls(self, upstream: str) -> AbandonedCalls:
        """Return the counter of the service that an upstream model belongs to."""
        return self.abandoned.setdefault(self.service_prefix(upstream), AbandonedCalls())

    def attribute(self, error: ProviderError, upstream: str = "", provider: str = "") -> None:
        """Name the provider and the model in an error's message.

        A service's own name comes before `provider`.
        """
        service = self.service(upstream)
        error.provider = service.name if service else provider or self.provider
        error.model = upstream

    @property
    def explanation(self) -> str | None:
        """The reason for its state, or the reasons why some of its services cannot be called."""
        if self.reason or self.state is not State.READY:
            return self.reason
        return " ".join(it.reason for it in self.services.values() if it.reason) or None

    def learn_key(self, error: ProviderError | None, upstream: str | None = None) -> None:
        """Learn from the outcome of a call or a refresh if the key is accepted.

        `upstream` is the model called; without it, the outcome concerns every service. A refused
        key makes the plugin `unconfigured`, with the reason. Calls are still made, so that a key
        that works again is noticed. Errors of other kinds are ignored. So is a refused key while
        another service has no problem.
        """
        if not self.callable:
            return
        if error is None and self.state is State.READY and not self.services:
            # Every answer passes here; most plugins have nothing to learn from it.
            return
        if self._services_may_have_changed(error, upstream):
            self.refresh_services()
        if isinstance(error, AuthenticationFailed) and self.state is State.READY:
            if any(service.reason is None for service in self.services.values()):
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

    def _services_may_have_changed(self, error: ProviderError | None, upstream: str | None) -> bool:
        if error is not None:
            return isinstance(error, AuthenticationFailed | NotConfigured)
        if upstream is None:
            return True
        service = self.service(upstream)
        return service is not None and service.reason is not None


def _now() -> datetime:
    return datetime.now(UTC)
