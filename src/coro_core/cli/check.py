"""Looking at every provider in the foreground: is the key accepted, and what would answer?"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from coro_core.catalog.catalog import Target
from coro_core.contract.errors import AuthenticationFailed, SettingsError
from coro_core.dispatch.caller import Prompt
from coro_core.engine.engine import Engine
from coro_core.plugins.record import PluginRecord, State

GREETING = Prompt("Say hello in one short sentence.", temperature=0.0, max_tokens=512)
"""What `generate` sends; short, and with room for a model that thinks."""


class ProviderCheck(BaseModel):
    """What one provider says of the key."""

    plugin: str
    key: Literal["accepted", "refused", "missing", "not checked"]
    reason: str | None
    served: int | None
    """How many models it lists."""


class ModelCheck(BaseModel):
    """What would answer for one id, or what did."""

    model: str
    plugin: str
    upstream_model: str | None
    substituted: bool
    usable: bool
    reason: str | None
    latency_ms: int | None = None
    response: str | None = None


class Checkup(BaseModel):
    """The findings."""

    providers: list[ProviderCheck]
    models: list[ModelCheck]

    @property
    def usable(self) -> bool:
        """Whether everything that was looked at can be used."""
        return bool(self.models) and all(model.usable for model in self.models)


async def check_up(engine: Engine, ids: Sequence[str], *, generate: bool) -> Checkup:
    """Look at these models, or at all of them; the engine must be open.

    Spends no tokens, unless `generate` sends each model one short prompt. Raises `SettingsError`
    for an id that nothing installed offers.
    """
    targets = _targets(engine, ids)
    asked = {target.plugin.name for target in targets}
    records = [record for record in engine.plugins.records if record.name in asked or not ids]
    providers = await asyncio.gather(*(_check_provider(engine, record) for record in records))
    if generate:
        models = await _generated(engine, targets)
    else:
        listings = {check.plugin: check for check in providers}
        models = [_expected(engine, t, listings[t.plugin.name]) for t in targets]
    return Checkup(providers=list(providers), models=models)


def _targets(engine: Engine, ids: Sequence[str]) -> list[Target]:
    if not ids:
        return [target for _, target in engine.catalog.models()]
    targets = []
    for model_id in ids:
        target = engine.catalog.target(model_id)
        if target is None:
            raise SettingsError(f"{model_id}: {engine.catalog.hint(model_id)}")
        targets.append(target)
    return targets


async def _check_provider(engine: Engine, record: PluginRecord) -> ProviderCheck:
    if not record.callable:
        return ProviderCheck(
            plugin=record.name,
            key="missing" if record.state is State.UNCONFIGURED else "not checked",
            reason=record.reason,
            served=None,
        )
    if not engine.plugins.can_list(record):
        reason = "The plugin cannot tell; --generate can."
        return ProviderCheck(plugin=record.name, key="not checked", reason=reason, served=None)
    failure = await engine.discovery.refresh(record)
    if failure is None:
        served = len(engine.catalog.upstreams(record).listed)
        note = record.explanation
        return ProviderCheck(plugin=record.name, key="accepted", reason=note, served=served)
    refused = isinstance(failure, AuthenticationFailed)
    return ProviderCheck(
        plugin=record.name,
        key="refused" if refused else "not checked",
        reason=failure.message,
        served=None,
    )


def _expected(engine: Engine, target: Target, provider: ProviderCheck) -> ModelCheck:
    """Say what would answer, going by the provider's list."""
    upstream = engine.catalog.order(target)[0]
    listed = upstream in engine.catalog.upstreams(target.plugin).listed
    first = target.candidates[0]
    ailing = target.reason
    reason = ailing or provider.reason
    if provider.key == "accepted" and not ailing and not listed:
        reason = f"None of {', '.join(target.candidates)} is on the provider's list."
    elif provider.key == "accepted" and not ailing and upstream != first:
        reason = f"{first} is no longer served."
    return ModelCheck(
        model=target.id,
        plugin=target.plugin.name,
        upstream_model=upstream,
        substituted=upstream != first,
        usable=listed and not ailing and provider.key == "accepted",
        reason=reason,
    )


async def _generated(engine: Engine, targets: Sequence[Target]) -> list[ModelCheck]:
    """Say what did answer."""
    plugins = {target.id: target.plugin.name for target in targets}
    answers = await engine.fanout.ask(list(plugins), GREETING, engine.settings.timeout)
    return [
        ModelCheck(
            model=row.model,
            plugin=plugins[row.model],
            upstream_model=row.upstream_model,
            substituted=row.substituted,
            usable=row.error_code is None,
            reason=row.error or row.note,
            latency_ms=row.latency_ms,
            response=row.response,
        )
        for row in answers.rows
    ]
