"""The tests themselves: none of them can ask anybody else."""

import socket
from pathlib import Path

import pytest


def test_the_tests_cannot_reach_another_machine(tmp_path: Path) -> None:
    with pytest.raises((OSError, RuntimeError)):
        socket.create_connection(("192.0.2.1", 443), timeout=5)
