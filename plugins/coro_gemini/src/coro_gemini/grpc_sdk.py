"""google-generativeai, loaded without its noise: whoever needs a part of it takes it from here.

Version 0.8.6 and what comes with it: the services' clients, their messages and Google's error
details. Nothing here starts gRPC, so a process may still fork after importing it.
"""

import logging
import os
import warnings

# gRPC's C++ part writes failed handshakes and forks to stderr, outside any Python log, although
# each failure reaches its caller as a status. It reads this once, when it starts.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# Both say that the SDK, or this Python, is past support: for us to know (README.md), and not for
# the operator. Filters, and not `catch_warnings`, which is not safe in a thread.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core\._python_")
warnings.filterwarnings("ignore", category=FutureWarning, module=r"coro_gemini\.grpc_sdk$")

# At DEBUG the clients log whole requests: the prompt, and the key in the metadata.
logging.getLogger("google.ai.generativelanguage_v1beta").setLevel(logging.INFO)

import grpc  # noqa: E402
from google.ai import generativelanguage as services  # noqa: E402
from google.api_core.exceptions import from_grpc_error  # noqa: E402
from google.generativeai import protos  # noqa: E402
from google.protobuf.message import DecodeError  # noqa: E402
from google.rpc import error_details_pb2 as error_details  # type: ignore[import-untyped]  # noqa: E402
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # noqa: E402

__all__ = [
    "DecodeError",
    "Status",
    "error_details",
    "from_grpc_error",
    "grpc",
    "protos",
    "services",
]
