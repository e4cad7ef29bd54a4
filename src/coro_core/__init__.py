"""CORO: one prompt, many models, one result each.

Public are the names below, `coro_core.kit` with `coro_core.kit.http`, and `coro_core.testing` with
`coro_core.testing.fixtures`. Everything else is private. Importing this module loads neither the
web framework nor any provider.
"""

from coro_core.contract.behaviour import Behaviour, Call, Fault, RawReply
from coro_core.contract.errors import (
    PROVIDER_ERROR_CODES,
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
    "PROVIDER_ERROR_CODES",
    "AuthenticationFailed",
    "BadRequest",
    "Behaviour",
    "Call",
    "ConnectionFailed",
    "ContentBlocked",
    "CoroError",
    "EmptyResponse",
    "Fault",
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
    "RawReply",
    "Service",
    "SettingsError",
    "Timeout",
    "TooLarge",
    "UpstreamError",
    "Usage",
    "hookimpl",
]
