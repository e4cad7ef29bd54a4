"""CORO: one prompt, many models, one answer each.

This is what a provider plugin imports; `coro_core.httpkit` and `coro_core.environ` are the helpers
beside it. Importing it loads neither the web framework nor any provider.
"""

from coro_core.errors import (
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
from coro_core.hookspecs import CONTRACT_VERSION, ProviderPlugin, hookimpl
from coro_core.loading import load_module
from coro_core.types import FinishReason, GenerateRequest, Generation, Model, Service, Usage

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
    "load_module",
]
