"""From a model's public id to the plugin that owns it and the upstream names to try.

Ids are stable, upstream names are not: `upstreams` knows which of them are served.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import entry_points

from coro_core.catalog.upstreams import Upstreams
from coro_core.contract.errors import SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP
from coro_core.contract.types import Model
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry

UPSTREAM_PREFIX = "CORO_UPSTREAM_"


@dataclass(frozen=True, slots=True)
class Target:
    """What one public id stands for."""

    id: str
    plugin: PluginRecord
    provider: str
    candidates: tuple[str, ...]
    """Upstream names, the preferred one first."""

    @property
    def available(self) -> bool:
        """Whether it is in all likelihood able to answer."""
        return self.reason is None

    @property
    def configured(self) -> bool:
        """Whether any of its names belongs to a service that can be called; others cannot."""
        services = self.plugin.services()
        if not services:
            return True
        own = [self.plugin.service(name) for name in self.candidates]
        return any(service is None or service.configured for service in own)

    @property
    def reason(self) -> str | None:
        """Why it is not available; `None` when it is."""
        if self.plugin.state is State.READY:
            services = [self.plugin.service(name) for name in self.candidates]
            reasons = [service.reason if service else None for service in services]
            return reasons[0] if reasons and all(reasons) else None
        reason = self.plugin.reason
        if self.plugin.state is State.STARTING:
            return f"The plugin {self.plugin.name} is still starting; try again in a moment."
        if self.plugin.state is State.UNCONFIGURED and reason:
            return reason
        return f"The plugin {self.plugin.name} is not ready: {reason or self.plugin.state.value}."


class Catalog:
    """The models of every plugin, by id."""

    def __init__(
        self,
        plugins: PluginRegistry,
        environ: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Offer the models of `plugins`. `clock` is in seconds and never goes back.

        `environ` may replace the upstream candidates of a model: `CORO_UPSTREAM_LLAMA_70B=a,b`
        does so for `llama-70b`. Raises `SettingsError` when those cannot be names.
        """
        self._plugins = plugins
        models = [
            (_with_candidates(model, environ or {}), record)
            for record in plugins.records
            for model in record.models
        ]
        self._models = {
            model.id: (model, Target(model.id, record, model.provider, model.candidates))
            for model, record in models
        }
        self._upstreams: defaultdict[str, Upstreams] = defaultdict(lambda: Upstreams(clock))

    def models(self) -> Iterator[tuple[Model, Target]]:
        """Yield every model with what it stands for, by plugin."""
        yield from self._models.values()

    def live(self) -> Iterator[Target]:
        """Yield every model that a provider's own list holds, under `plugin:name`."""
        for record in self._plugins.records:
            for name in sorted(self.upstreams(record).listed):
                yield _by_name(record, name)

    def target(self, model_id: str) -> Target | None:
        """Return what an id stands for, or `None` if nothing installed offers it.

        `plugin:name` reaches any model of a provider by the provider's own name; only the first
        colon divides, since such names may hold more.
        """
        if (found := self._models.get(model_id)) is not None:
            return found[1]
        plugin_name, colon, upstream = model_id.partition(":")
        owner = self._plugins.record(plugin_name)
        if not colon or not can_be_asked(upstream) or owner is None:
            return None
        return _by_name(owner, upstream)

    def upstreams(self, plugin: PluginRecord) -> Upstreams:
        """Return what is known of a provider's own names."""
        return self._upstreams[plugin.name]

    def order(self, target: Target) -> tuple[str, ...]:
        """Return the target's upstream names in the order to try them."""
        return self.upstreams(target.plugin).order(target.candidates)

    def hint(self, model_id: str) -> str:
        """Say in a sentence what to do about an id that nothing installed offers."""
        if distribution := self._directory.get(model_id):
            installed = [it for it in self._plugins.records if it.distribution == distribution]
            if not installed:
                return f"No installed plugin offers this model; install {distribution}."
            # Disabled, or broken before it could list its models.
            for record in installed:
                if reason := Target(model_id, record, record.name, ()).reason:
                    return reason
        return "No installed plugin offers this model; GET /models lists those there are."

    @cached_property
    def _directory(self) -> Mapping[str, str]:
        """Which distribution to install for an id, as the metadata of installed ones say."""
        entries = entry_points(group=f"{ENTRY_POINT_GROUP}.directory")
        return {entry.name: entry.module.replace("_", "-") for entry in entries}


def upstream_variable(model_id: str) -> str:
    """Return the variable that replaces a model's upstream candidates."""
    return UPSTREAM_PREFIX + re.sub(r"[^A-Z0-9]", "_", model_id.upper())


def misspelt_upstreams(environ: Mapping[str, str], plugins: PluginRegistry) -> list[str]:
    """Return a sentence for each variable that names no model of any plugin."""
    known = {upstream_variable(model.id) for record in plugins.records for model in record.models}
    return [
        f"{name} replaces nothing: no installed plugin offers such a model."
        for name in sorted(environ)
        if name.startswith(UPSTREAM_PREFIX) and name not in known
    ]


def can_be_asked(upstream: str) -> bool:
    """Tell whether a provider's own name can be one: no control character, nothing unencodable."""
    return upstream != "" and upstream.isprintable()


def same_model(asked: str, answered: str) -> bool:
    """Tell whether a reply names the model that was asked for.

    Providers add a path before it (`models/x`) or a version or date behind it (`x-001`,
    `x-2026-10-17`); anything else is another model.
    """
    bare = answered.rpartition("/")[2] if "/" not in asked else answered
    suffix = bare.removeprefix(asked)
    return bare == asked or (
        bare.startswith(asked) and suffix[0] in "-@:" and suffix[1:].replace("-", "").isdigit()
    )


def _by_name(plugin: PluginRecord, upstream: str) -> Target:
    """Return the target for any model of a provider, by the provider's own name."""
    service = plugin.service(upstream)
    provider = service.name if service else plugin.provider
    return Target(f"{plugin.name}:{upstream}", plugin, provider, (upstream,))


def _with_candidates(model: Model, environ: Mapping[str, str]) -> Model:
    names = environ.get(upstream_variable(model.id), "").split(",")
    candidates = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not all(map(can_be_asked, candidates)):
        raise SettingsError(
            f"{upstream_variable(model.id)}: no model's name holds control characters, or"
            " bytes that are not UTF-8."
        )
    return replace(model, candidates=candidates) if candidates else model
