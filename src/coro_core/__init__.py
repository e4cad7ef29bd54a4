"""CORO: one prompt, many models, one answer each.

Public are the names below, `coro_core.kit` (with `coro_core.kit.http`) and `coro_core.testing`.
Everything else is private. Importing this loads neither the web framework nor any provider.
"""

from coro_core.contract.errors import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    ContentBlocked,
    CoroError,
    EmptyResponse,
    InvalidResponse,
    ModelUnavailable,
    NotConfigured,
    Overloaded,
    PluginFault,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    SettingsError,
    Timeout,
    TooLarge,
    UpstreamError,
)
from coro_core.contract.hookspecs import CONTRACT_VERSION, ProviderPlugin, hookimpl
from coro_core.contract.types import (
    FinishReason,
    GenerateRequest,
    Generation,
    Model,
    Service,
    Usage,
)

__all__ = [
    "CONTRACT_VERSION",
    "AuthenticationFailed",
    "BadRequest",
    "ConnectionFailed",
    "ContentBlocked",
    "CoroError",
    "EmptyResponse",
    "FinishReason",
    "GenerateRequest",
    "Generation",
    "InvalidResponse",
    "Model",
    "ModelUnavailable",
    "NotConfigured",
    "Overloaded",
    "PluginFault",
    "ProviderError",
    "ProviderPlugin",
    "QuotaExhausted",
    "RateLimited",
    "Service",
    "SettingsError",
    "Timeout",
    "TooLarge",
    "UpstreamError",
    "Usage",
    "hookimpl",
]
