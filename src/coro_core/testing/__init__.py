"""For plugin authors: the simulator kit. It is shipped, because a plugin's demo runs on it."""

from coro_core.testing.behaviour import Behaviour, Call, Fault, RawReply, simulated_answer
from coro_core.testing.chat import CANARY_KEY, ChatDialect, error_reply, serve_chat
from coro_core.testing.http import serve_http
from coro_core.testing.messages import HttpReply, HttpRequest, json_reply

__all__ = [
    "CANARY_KEY",
    "Behaviour",
    "Call",
    "ChatDialect",
    "Fault",
    "HttpReply",
    "HttpRequest",
    "RawReply",
    "error_reply",
    "json_reply",
    "serve_chat",
    "serve_http",
    "simulated_answer",
]
