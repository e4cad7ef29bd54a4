"""For plugin authors: the simulator kit, and the contract as a pytest class.

This package is shipped, because the demo uses it. Only `ProviderContract` needs pytest; it is
loaded at its first use.
"""

from typing import TYPE_CHECKING

from coro_core.contract.behaviour import Behaviour, Call, Fault, RawReply, simulated_answer
from coro_core.testing.simulator.chat import CANARY_KEY, ChatDialect, error_reply, serve_chat
from coro_core.testing.simulator.messages import HttpReply, HttpRequest, json_reply
from coro_core.testing.simulator.relay import (
    TcpServer,
    connect_tcp,
    copy_stream,
    relay,
    reset_at_close,
    serve_tcp,
)
from coro_core.testing.simulator.server import serve_http

if TYPE_CHECKING:
    from coro_core.testing.conformance.pytest_class import ProviderContract

__all__ = [
    "CANARY_KEY",
    "Behaviour",
    "Call",
    "ChatDialect",
    "Fault",
    "HttpReply",
    "HttpRequest",
    "ProviderContract",
    "RawReply",
    "TcpServer",
    "connect_tcp",
    "copy_stream",
    "error_reply",
    "json_reply",
    "relay",
    "reset_at_close",
    "serve_chat",
    "serve_http",
    "serve_tcp",
    "simulated_answer",
]


def __getattr__(name: str) -> object:
    if name == "ProviderContract":
        from coro_core.testing.conformance.pytest_class import ProviderContract

        return ProviderContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
