"""Ctrl-C ends a command, whatever a plugin is doing at that moment."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from coro_core.plugins.registry import PluginRegistry
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Installer
from support.server import START_SECONDS, Process

AGAIN_SECONDS = 5.0

BUSY = """
import asyncio
import time
from contextlib import asynccontextmanager
from coro_core import hookimpl
from support.plugins import Echo

def wait():
    print("the plugin is busy", flush=True)
    time.sleep(60)

if "{where}" == "import":
    wait()

class Plugin(Echo):
    def __init__(self):
        if "{where}" == "constructor":
            wait()

    @hookimpl
    def coro_list_models(self):
        if "{where}" == "list of models":
            wait()
        return self.models

    @hookimpl
    def coro_services(self):
        if "{where}" == "services":
            wait()
        return {{}}

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self):
        if "{where}" == "blocked start":
            wait()
        if "{where}" == "start":
            print("the plugin is busy", flush=True)
            await asyncio.sleep(60)
        yield
"""
INTERRUPTED = 130
"""The exit code that shells give to a program that Ctrl-C ended: 128 + SIGINT."""


def interrupt(process: Process) -> int:
    """Press Ctrl-C until the process ends; asyncio interrupts blocked code the second time only.

    Seconds apart: a second Ctrl-C while the interpreter ends would end it by the signal.
    """
    end = time.monotonic() + START_SECONDS
    while process.popen.poll() is None and time.monotonic() < end:
        process.popen.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(AGAIN_SECONDS)
    return process.wait()


@pytest.mark.parametrize(
    "where", ["import", "constructor", "list of models", "services", "start", "blocked start"]
)
def test_ctrl_c_ends_a_command_while_a_plugin_is_busy(
    install: Installer, tmp_path: Path, where: str
) -> None:
    install.add_source("busy", BUSY.format(where=where))
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    with Process("plugins", cwd=tmp_path, environ=environ) as process:
        process.wait_for("the plugin is busy")
        assert interrupt(process) == INTERRUPTED
    assert "Traceback" not in process.output
    assert "failed" not in process.output


def test_one_ctrl_c_ends_a_command_while_a_plugin_is_imported(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("busy", BUSY.format(where="import"))
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    with Process("plugins", cwd=tmp_path, environ=environ) as process:
        process.wait_for("the plugin is busy")
        os.kill(process.popen.pid, signal.SIGINT)
        assert process.wait() == INTERRUPTED


@pytest.mark.parametrize("where", ["import", "list of models", "services"])
def test_an_interrupt_in_a_plugin_is_no_fault_of_the_plugin(install: Installer, where: str) -> None:
    source = BUSY.format(where=where).replace("time.sleep(60)", "raise KeyboardInterrupt")
    install.add_source("busy", source)
    with pytest.raises(KeyboardInterrupt):
        PluginRegistry({}, disabled=REAL_PLUGINS).services("busy")
