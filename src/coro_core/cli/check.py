"""`coro check`: ask each provider about its key and its models, in the foreground."""

import asyncio
from collections.abc import Mapping, Sequence

import typer

from coro_core.catalog.catalog import Target
from coro_core.cli.check_report import (
    CheckReport,
    KeyState,
    ModelCheck,
    ProviderCheck,
    format_report,
)
from coro_core.cli.event_loop import run
from coro_core.cli.exit_codes import ExitCode
from coro_core.cli.instance import engine_from_environ
from coro_core.contract.errors import AuthenticationFailed, SettingsError
from coro_core.dispatch.caller import Prompt
from coro_core.dispatch.result import retirement_note
from coro_core.engine.engine import Engine
from coro_core.plugins.record import PluginRecord

GREETING = Prompt("Say hello in one short sentence.", temperature=0.0, max_tokens=512)
"""The prompt of `--generate`. A model that thinks needs the 512 tokens."""


def print_check(ids: Sequence[str], *, generate: bool, demo: bool, as_json: bool) -> ExitCode:
    """Check these models, print the report, and return the exit code."""
    # The report has the warnings on keys and lists, so the log is left to errors.
    engine = engine_from_environ(demo=demo, log_level="error")

    async def check() -> ExitCode:
        async with engine.started():
            report = await run_check(engine, ids, generate=generate)
            typer.echo(format_report(report, as_json))
        return ExitCode.OK if report.usable else ExitCode.FAILED

    return run(check())


async def run_check(engine: Engine, ids: Sequence[str], *, generate: bool) -> CheckReport:
    """Check these models of a started instance; no ids stand for every model.

    Spends no tokens, unless `generate` sends each model one short prompt. Raises `SettingsError`
    for an id that no installed plugin offers.
    """
    targets = _targets(engine, ids)
    plugins = {target.plugin.name for target in targets}
    records = [record for record in engine.plugins.records if record.name in plugins or not ids]
    providers = await asyncio.gather(*(_check_provider(engine, record) for record in records))
    if generate:
        models = await _generate(engine, targets)
    else:
        by_plugin = {provider.plugin: provider for provider in providers}
        models = [_predict(engine, target, by_plugin[target.plugin.name]) for target in targets]
    return CheckReport(providers=list(providers), models=models)


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
    """Check a key by asking for the provider's list of models."""
    if not record.callable:
        key: KeyState = "missing" if record.key_missing else "not checked"
        return ProviderCheck(plugin=record.name, key=key, reason=record.reason, served=None)
    if not engine.plugins.can_list(record):
        reason = "The plugin has no list to ask for; --generate checks the key."
        return ProviderCheck(plugin=record.name, key="not checked", reason=reason, served=None)
    error = await engine.discovery.refresh(record)
    if error is not None:
        key = "refused" if isinstance(error, AuthenticationFailed) else "not checked"
        return ProviderCheck(plugin=record.name, key=key, reason=error.message, served=None)
    listed = engine.catalog.upstreams(record).listed
    unlisted = [it.list_problem for it in record.services.values() if it.list_problem]
    # Names of a service without a list are assumptions, so they do not count.
    served = len(listed) if not unlisted else sum(not _list_problem(record, it) for it in listed)
    return ProviderCheck(
        plugin=record.name,
        key="not checked" if unlisted else "accepted",
        reason=" ".join(filter(None, (record.explanation, *unlisted))) or None,
        served=served or None,
    )


def _list_problem(record: PluginRecord, upstream: str) -> str | None:
    """Return the reason why the list of an upstream model's service is unknown."""
    service = record.service(upstream)
    return service.list_problem if service else None


def _predict(engine: Engine, target: Target, provider: ProviderCheck) -> ModelCheck:
    """Return the upstream model that would answer, by the provider's list."""
    upstream = engine.catalog.order(target)[0]
    listed = upstream in engine.catalog.upstreams(target.plugin).listed
    preferred = target.candidates[0]
    list_problem = _list_problem(target.plugin, upstream)
    # One service without a list says nothing about the others of the same plugin.
    has_list = provider.served is not None and list_problem is None
    reason = target.reason or list_problem or (None if has_list else provider.reason)
    if has_list and not target.reason and not listed:
        reason = f"None of {', '.join(target.candidates)} is on the provider's list."
    elif has_list and not target.reason and upstream != preferred:
        reason = retirement_note(preferred)
    return ModelCheck(
        model=target.id,
        plugin=target.plugin.name,
        upstream_model=upstream,
        substituted=upstream != preferred,
        usable=listed and not target.reason and has_list,
        reason=reason,
    )


async def _generate(engine: Engine, targets: Sequence[Target]) -> list[ModelCheck]:
    """Send each model the prompt, and return which upstream model answered."""
    plugins: Mapping[str, str] = {target.id: target.plugin.name for target in targets}
    result = await engine.fanout.ask(list(plugins), GREETING, engine.settings.timeout)
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
        for row in result.rows
    ]
