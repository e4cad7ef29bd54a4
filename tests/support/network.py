"""Keeping the tests off every network but loopback."""

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41


def confine_to_loopback() -> str:
    """Cut this process and its children off from every other machine; return how it was done.

    On Linux the kernel does it: a network namespace with nothing but loopback, which holds for
    libraries in C and for child processes too. Elsewhere, an audit hook watches Python's sockets.
    """
    if sys.platform == "linux" and _enter_empty_namespace():
        return "a network namespace with loopback only"
    sys.addaudithook(_refuse_other_machines)
    return "an audit hook on Python's sockets"


def _enter_empty_namespace() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _CLONE_NEWNET if os.getuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        return False
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))
    return True


def _refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host in (None, "", "localhost"):
        return
    try:
        allowed = ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = str(host).endswith(".invalid")
    if not allowed:
        raise RuntimeError("a test tried to reach another machine")
