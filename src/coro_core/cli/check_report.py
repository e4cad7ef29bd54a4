"""The report of `coro check`: one line for each provider, then some for each model."""

from typing import Literal

from pydantic import BaseModel

from coro_core.cli.text import sanitize, sanitize_json

KeyState = Literal["accepted", "refused", "missing", "not checked"]


class ProviderCheck(BaseModel):
    """The key of one plugin's provider."""

    plugin: str
    key: KeyState
    reason: str | None
    served: int | None
    """The number of models on the provider's list."""


class ModelCheck(BaseModel):
    """The upstream model that answers, or would answer, for one id."""

    model: str
    plugin: str
    upstream_model: str | None
    substituted: bool
    usable: bool
    reason: str | None
    latency_ms: int | None = None
    response: str | None = None


class CheckReport(BaseModel):
    """The results of `coro check`."""

    providers: list[ProviderCheck]
    models: list[ModelCheck]

    @property
    def usable(self) -> bool:
        """True if every checked model can be used, and there is at least one."""
        return bool(self.models) and all(model.usable for model in self.models)


def format_report(report: CheckReport, as_json: bool) -> str:
    """Return the report as text or JSON; control characters of third parties are made visible."""
    if as_json:
        return sanitize_json(report.model_dump_json(indent=2))
    lines = [_provider_line(provider) for provider in report.providers]
    lines.append("")
    for model in report.models:
        lines += _model_lines(model)
    return sanitize("\n".join(lines))


def _provider_line(provider: ProviderCheck) -> str:
    served = f", {provider.served} models served" if provider.served is not None else ""
    reason = f": {provider.reason}" if provider.reason else ""
    return f"{provider.plugin:12} key {provider.key}{served}{reason}"


def _model_lines(model: ModelCheck) -> list[str]:
    verdict = "ok" if model.usable else "unusable"
    latency = f"  {model.latency_ms} ms" if model.usable and model.latency_ms is not None else ""
    details = [f"{'':12} {text}" for text in (model.reason, model.response) if text]
    return [f"{model.model:12} {verdict:9} {model.upstream_model}{latency}", *details]
