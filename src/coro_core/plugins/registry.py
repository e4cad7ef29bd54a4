"""The installed plugins: found, validated, started, called and closed.

Each step is isolated per plugin, so one bad plugin costs one plugin. A call goes to the plugin that
owns the model, and to no other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import EntryPoint, version
from typing import TypeGuard, cast

import structlog

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import NotConfigured, describe
from coro_core.contract.types import GenerateRequest, Generation, Model, Service
from coro_core.plugins.adapter import ContractError, PluginAdapter
from coro_core.plugins.entry_points import find_plugins, import_failure, origin
from coro_core.plugins.lifespan import LifespanTask
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.requirements import newer_core

MAX_MODELS_PER_PLUGIN = 1000
LEAVE_SECONDS = 5.0
"""The longest time for closing a plugin; a plugin that takes longer is abandoned."""

_log = structlog.get_logger("coro.plugins")


class PluginRegistry:
    """Every installed plugin, in the order of their names. No state is global."""

    def __init__(self, environ: Mapping[str, str], *, disabled: Collection[str] = ()) -> None:
        """Find and validate the plugins of this environment; start none of them.

        The plugins get `environ` as their settings. Plugins named in `disabled` are not imported.
        """
        self._environ = environ
        self._hooks: dict[str, PluginAdapter] = {}
        self._records: dict[str, PluginRecord] = {}
        self._owners: dict[str, PluginRecord] = {}
        for entry_point in find_plugins():
            self._add(entry_point, disabled)
        for record in self.records:
            if record.state is State.STARTING:
                self._list_models(record)

    @property
    def records(self) -> Sequence[PluginRecord]:
        """Every installed plugin, ordered by name."""
        return tuple(self._records.values())

    @property
    def packages(self) -> Mapping[str, str]:
        """The top-level package of each plugin's code, with the plugin's name."""
        return {hooks.package: name for name, hooks in self._hooks.items()}

    def record(self, name: str) -> PluginRecord | None:
        """Return the plugin of that name."""
        return self._records.get(name)

    def owner(self, model_id: str) -> PluginRecord | None:
        """Return the plugin that offers a model."""
        return self._owners.get(model_id)

    def generate(self, plugin: str, request: GenerateRequest) -> Awaitable[Generation]:
        """Start one call of the plugin that owns the model."""
        return cast(
            Awaitable[Generation], self._hooks[plugin].call("coro_generate", request=request)
        )

    def can_list(self, record: PluginRecord) -> bool:
        """Return true if a plugin is started and can list the upstream names it can call."""
        return record.callable and self._hooks[record.name].implements("coro_live_models")

    def services(self, plugin: str) -> Mapping[str, Service]:
        """Return a plugin's services; return none if the plugin fails or breaks the contract."""
        try:
            services: object = self._hooks[plugin].call("coro_services")
            return dict(services) if _is_service_map(services) else {}
        except KeyboardInterrupt:
            raise
        except BaseException as exc:
            _log.error("coro_services failed", plugin=plugin, why=describe(exc))
            return {}

    def live_models(self, plugin: str) -> Awaitable[Collection[str]]:
        """Start asking a plugin for the upstream names it can call; `can_list` must be true."""
        return cast(Awaitable[Collection[str]], self._hooks[plugin].call("coro_live_models"))

    @asynccontextmanager
    async def start(
        self, *, timeout: float, demo: Mapping[str, Behaviour] | None = None
    ) -> AsyncIterator[None]:
        """Start every plugin in the background, and close every plugin at the end.

        All plugins start at once, each within `timeout` seconds. A plugin's result is known when
        `start_finished` of its record is set. All plugins close at once as well, so a plugin that
        hangs takes no time from the others.

        With `demo`, each plugin uses its own simulator, with the behaviour given for its name.
        """
        lifespans = [
            (record, LifespanTask(record.name, partial(self._lifespan, record.name, demo)))
            for record in self.records
            if record.state is State.STARTING
        ]
        tasks = [
            asyncio.create_task(_start(record, lifespan, timeout)) for record, lifespan in lifespans
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(_close(record, lifespan) for record, lifespan in lifespans))

    async def wait_ready(self) -> None:
        """Wait until every plugin has started or has failed to."""
        for record in self.records:
            if record.state is State.STARTING:
                await record.start_finished.wait()

    @asynccontextmanager
    async def _lifespan(
        self, name: str, demo: Mapping[str, Behaviour] | None
    ) -> AsyncIterator[None]:
        environ = self._environ
        async with AsyncExitStack() as stack:
            if demo is not None:
                if not self._hooks[name].implements("coro_simulator"):
                    raise NotConfigured(
                        f"The demo of {name}",
                        problem="is not possible",
                        help="the plugin has no simulator",
                    )
                simulator = self._hooks[name].call("coro_simulator", behaviour=demo[name])
                environ = {**environ, **await stack.enter_async_context(simulator)}
            if self._hooks[name].implements("coro_lifespan"):
                lifespan: AbstractAsyncContextManager[None] = self._hooks[name].call(
                    "coro_lifespan", environ=environ
                )
                await stack.enter_async_context(lifespan)
            yield

    def _add(self, entry_point: EntryPoint, disabled: Collection[str]) -> None:
        name, dist = entry_point.name, entry_point.dist
        distribution, its_version = origin(entry_point)
        record = PluginRecord(name=name, distribution=distribution, version=its_version)
        if (first := self._records.get(name)) is not None:
            # List it under a name of its own, so that people see it.
            record.name = f"{name} ({record.distribution})"
            record.state = State.REJECTED
            record.reason = f"the name {name} is taken by {first.distribution} {first.version}"
        elif name in disabled:
            record.state, record.reason = State.DISABLED, "CORO_DISABLED_PLUGINS names it"
        elif dist and (wanted := newer_core(dist.requires or (), version("coro-core"))):
            record.state = State.REJECTED
            record.reason = (
                f"it is built for coro-core {wanted}, and this is coro-core {version('coro-core')}"
            )
        else:
            try:
                self._hooks[name] = PluginAdapter(entry_point.load())
            except ContractError as exc:
                record.state, record.reason = State.REJECTED, str(exc)
            except KeyboardInterrupt:
                # Ctrl-C: an import is slow enough to be interrupted. It is not the plugin's fault.
                raise
            except BaseException as exc:
                # SystemExit included: a failing import costs this plugin only.
                record.state, record.reason = State.FAILED, import_failure(exc, entry_point)
        self._records[record.name] = record

    def _list_models(self, record: PluginRecord) -> None:
        """Register the models that a plugin offers, except for ids that are taken."""
        try:
            offered = self._hooks[record.name].call("coro_list_models", environ=self._environ)
            models = tuple(offered) if _is_model_list(offered) else None
        except KeyboardInterrupt:
            raise
        except BaseException as exc:
            record.state, record.reason = State.FAILED, f"coro_list_models failed: {describe(exc)}"
            return
        if models is None:
            record.state = State.FAILED
            record.reason = (
                f"coro_list_models must return up to {MAX_MODELS_PER_PLUGIN} coro_core.Model"
            )
            return
        mine: list[Model] = []
        for model in models:
            owner = self._owners.setdefault(model.id, record)
            if owner is record and model.id not in {other.id for other in mine}:
                mine.append(model)
            else:
                record.reason = f"the model id {model.id} is taken by {owner.name}"
        record.models = tuple(mine)
        if self._hooks[record.name].implements("coro_services"):
            record.ask_services = partial(self.services, record.name)
            record.refresh_services()


def _is_model_list(models: object) -> TypeGuard[Sequence[Model]]:
    return (
        isinstance(models, Sequence)
        and len(models) <= MAX_MODELS_PER_PLUGIN
        and all(isinstance(model, Model) for model in cast(Iterable[object], models))
    )


def _is_service_map(services: object) -> TypeGuard[Mapping[str, Service]]:
    return isinstance(services, Mapping) and all(
        isinstance(prefix, str) and isinstance(service, Service)
        for prefix, service in cast(Mapping[object, object], services).items()
    )


async def _start(record: PluginRecord, lifespan: LifespanTask, timeout: float) -> None:
    try:
        await lifespan.enter(timeout)
    except asyncio.CancelledError:
        raise
    except NotConfigured as exc:
        record.state, record.reason = State.UNCONFIGURED, exc.message
        record.key_missing = exc.is_missing_key
    except TimeoutError:
        record.state, record.reason = State.FAILED, f"it did not start within {timeout:g} s"
    except BaseException as exc:
        record.state, record.reason = State.FAILED, f"it failed to start: {describe(exc)}"
    else:
        record.state, record.callable = State.READY, True
    record.refresh_services()
    record.start_finished.set()


async def _close(record: PluginRecord, lifespan: LifespanTask) -> None:
    record.callable = False
    try:
        await lifespan.leave(LEAVE_SECONDS)
    except asyncio.CancelledError:
        raise
    except BaseException as exc:
        _log.warning("plugin did not close", plugin=record.name, why=describe(exc))
