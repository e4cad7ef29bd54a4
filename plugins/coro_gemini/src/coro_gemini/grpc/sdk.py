"""google-generativeai, loaded without its noise. Other modules import its parts from here.

Version 0.8.6 and its dependencies: the services' clients, their messages and Google's error
details. Nothing here starts gRPC, so a process may still fork after importing this module.
"""

import logging
import os
import warnings

# gRPC's C++ part writes failed handshakes and forks to stderr, outside any Python log, although
# each failure reaches its caller as a status. gRPC reads this variable once, when it starts.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# Both warnings announce that the SDK, or this Python, is past support. README.md covers that; the
# operator need not read it. Filters, since `catch_warnings` is not safe in a thread.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core\._python_")
warnings.filterwarnings("ignore", category=FutureWarning, module=r"coro_gemini\.grpc\.sdk$")

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
