"""Map a model id to the plugin that owns it and the upstream models to try.

Ids are stable, upstream models are not: `upstreams` knows which of them are served.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import entry_points

from coro_core.catalog.upstreams import VERDICT_SECONDS, Upstreams
from coro_core.contract.errors import SettingsError
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP
from coro_core.contract.types import Model
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry

UPSTREAM_PREFIX = "CORO_UPSTREAM_"


@dataclass(frozen=True, slots=True)
class Target:
    """The plugin and the upstream models behind one id."""

    id: str
    plugin: PluginRecord
    provider: str
    candidates: tuple[str, ...]
    """Upstream names, the preferred one first."""

    @property
    def available(self) -> bool:
        """True if nothing is known that would keep it from answering."""
        return self.reason is None

    @property
    def configured(self) -> bool:
        """True if any of its names belongs to a service that can be called."""
        if not self.plugin.services:
            return True
        own = [self.plugin.service(name) for name in self.candidates]
        return any(service is None or service.configured for service in own)

    @property
    def reason(self) -> str | None:
        """The reason why it is not available; `None` when it is."""
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
        verdict_seconds: float = VERDICT_SECONDS,
    ) -> None:
        """Offer the models of `plugins`. `clock` is in seconds and never goes back.

        Calls of a name in doubt wait `verdict_seconds` for the first one.

        `environ` may replace the upstream candidates of a model: `CORO_UPSTREAM_LLAMA_70B=a,b`
        does so for `llama-70b`. Raises `SettingsError` when one of them cannot be a name.
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
        self._upstreams: defaultdict[str, Upstreams] = defaultdict(
            lambda: Upstreams(clock, verdict_seconds=verdict_seconds)
        )

    def models(self) -> Iterator[tuple[Model, Target]]:
        """Yield every model with its target, by plugin."""
        yield from self._models.values()

    def live(self) -> Iterator[Target]:
        """Yield every model that a provider's own list holds, under `plugin:name`."""
        for record in self._plugins.records:
            for name in self.upstreams(record).listed_by_name:
                yield _by_name(record, name)

    def target(self, model_id: str) -> Target | None:
        """Return the target of an id, or `None` if no installed plugin offers it.

        `plugin:name` reaches any model of a provider by the provider's own name; only the first
        colon divides, since such names may hold more.
        """
        if (found := self._models.get(model_id)) is not None:
            return found[1]
        plugin_name, colon, upstream = model_id.partition(":")
        owner = self._plugins.record(plugin_name)
        if not colon or not is_valid_model_name(upstream) or owner is None:
            return None
        return _by_name(owner, upstream)

    def upstreams(self, plugin: PluginRecord) -> Upstreams:
        """Return the knowledge about a provider's own names."""
        return self._upstreams[plugin.name]

    def order(self, target: Target) -> tuple[str, ...]:
        """Return the target's upstream names in the order to try them."""
        return self.upstreams(target.plugin).order(target.candidates)

    def hint(self, model_id: str) -> str:
        """Return a sentence on what to do about an id that no installed plugin offers."""
        if distribution := self._directory.get(model_id):
            installed = [rec for rec in self._plugins.records if rec.distribution == distribution]
            if not installed:
                return f"No installed plugin offers this model; install {distribution}."
            # A plugin that is disabled or broke early has listed no models.
            for record in installed:
                if reason := Target(model_id, record, record.name, ()).reason:
                    return reason
        return "No installed plugin offers this model; GET /models lists those there are."

    @cached_property
    def _directory(self) -> Mapping[str, str]:
        """The distribution to install for an id, from the metadata of installed distributions."""
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


def is_valid_model_name(upstream: str) -> bool:
    """Tell if a text can be an upstream model: no control character, nothing unencodable."""
    return upstream != "" and upstream.isprintable()


def same_model(asked: str, answered: str) -> bool:
    """Tell if a reply names the model that was asked for.

    Providers change the case, put a path before the name or drop it (`models/x`), and put a tag, a
    version or a date behind it (`x:latest`, `x-001`, `x-2026-10-17`). Anything else is another
    model.
    """
    if asked == answered:
        return True
    asked, answered = _plain_name(asked), _plain_name(answered)
    if not ("/" in asked and "/" in answered):
        asked, answered = asked.rpartition("/")[2], answered.rpartition("/")[2]
    suffix = answered.removeprefix(asked)
    return answered == asked or (
        answered.startswith(asked) and suffix[0] in "-@:" and suffix[1:].replace("-", "").isdigit()
    )


def _plain_name(name: str) -> str:
    return name.casefold().replace("\\", "/").removesuffix(".gguf").removesuffix(":latest")


def _by_name(plugin: PluginRecord, upstream: str) -> Target:
    """Return the target for any model of a provider, by the provider's own name."""
    service = plugin.service(upstream)
    provider = service.name if service else plugin.provider
    return Target(f"{plugin.name}:{upstream}", plugin, provider, (upstream,))


def _with_candidates(model: Model, environ: Mapping[str, str]) -> Model:
    names = environ.get(upstream_variable(model.id), "").split(",")
    candidates = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not all(map(is_valid_model_name, candidates)):
        raise SettingsError(
            f"{upstream_variable(model.id)}: no model's name holds control characters, or"
            " bytes that are not UTF-8."
        )
    return replace(model, candidates=candidates) if candidates else model
