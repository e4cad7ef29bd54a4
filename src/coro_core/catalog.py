"""From a model's public id to the plugin that owns it and the upstream names to try.

Ids are for ever, upstream names are not: a name that a call found gone is set aside for a while, so
that the next call goes straight to its successor, and is tried again when the while is over.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points

from coro_core.hookspecs import ENTRY_POINT_GROUP
from coro_core.plugins import PluginRecord, Plugins, State
from coro_core.types import Model

SET_ASIDE_SECONDS = 600.0
"""How long a name that was found gone is passed over."""


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
        """Whether the plugin can be asked at all."""
        return self.plugin.state is State.READY

    @property
    def reason(self) -> str | None:
        """Why it cannot be asked; `None` when it can."""
        if self.available:
            return None
        reason = self.plugin.reason
        if self.plugin.state is State.UNCONFIGURED and reason:
            return reason
        return f"The plugin {self.plugin.name} is not ready: {reason or self.plugin.state.value}."


class Catalog:
    """The models of every plugin, by id."""

    def __init__(self, plugins: Plugins, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Offer the models of `plugins`. `clock` is in seconds and never goes back."""
        self._plugins = plugins
        self._clock = clock
        self._targets = {
            model.id: Target(model.id, record, model.provider, model.candidates)
            for record in plugins.records
            for model in record.models
        }
        self._gone_until: dict[tuple[str, str], float] = {}

    def models(self) -> Iterator[tuple[Model, Target]]:
        """Yield every model with what it stands for, by plugin."""
        for record in self._plugins.records:
            for model in record.models:
                yield model, self._targets[model.id]

    def target(self, model_id: str) -> Target | None:
        """Return what an id stands for, or `None` if nothing installed offers it.

        `plugin:name` reaches any model of a provider by the provider's own name; only the first
        colon divides, since such names may hold more.
        """
        if (target := self._targets.get(model_id)) is not None:
            return target
        plugin_name, colon, upstream = model_id.partition(":")
        record = self._plugins.record(plugin_name)
        if not colon or not upstream or record is None:
            return None
        provider = record.models[0].provider if record.models else record.name
        return Target(model_id, record, provider, (upstream,))

    def candidates(self, target: Target) -> tuple[str, ...]:
        """Return the upstream names to try, in order.

        Those set aside are left out, unless all are: then all are tried, since a name that was
        gone may be back.
        """
        now = self._clock()
        served = tuple(
            name
            for name in target.candidates
            if self._gone_until.get((target.plugin.name, name), now) <= now
        )
        return served or target.candidates

    def set_aside(self, target: Target, upstream: str) -> None:
        """Pass over a name that the provider says it does not serve."""
        # Not without a successor: callers may name any model of a provider, for ever new ones.
        if len(target.candidates) > 1:
            self._gone_until[target.plugin.name, upstream] = self._clock() + SET_ASIDE_SECONDS

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
