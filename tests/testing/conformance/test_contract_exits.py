"""A plugin that ends the process fails one check, with a message for its author."""

from contextlib import asynccontextmanager

import pytest

from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.suite import Contract, Verdict
from support.conformance.acme import Acme


class ExitsWhenConstructed(Acme):
    def __init__(self):
        raise SystemExit(3)


class ExitsWhenListing(Acme):
    def offered(self, environ):
        raise SystemExit(3)


class ExitsWhenOpening(Acme):
    async def load(self):
        raise SystemExit(3)


class ExitsInACall(Acme):
    async def generate(self, request):
        raise KeyboardInterrupt


class ExitsWhenItAsksForTheList(Acme):
    async def live_models(self):
        raise SystemExit(3)


class ExitsInASimulatedRefusal(Acme):
    def reply_for_error(self, code, call, behaviour):
        raise SystemExit(3)


class ExitsWhenTheSimulatorStarts(Acme):
    @asynccontextmanager
    async def simulated(self, behaviour):
        raise SystemExit(3)
        yield ""


class ExitsWhenTheSimulatorStops(Acme):
    @asynccontextmanager
    async def simulated(self, behaviour):
        async with super().simulated(behaviour) as address:
            yield address
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("plugin", "check"),
    [
        (ExitsWhenConstructed, "constructor"),
        (ExitsWhenListing, "models-are-data"),
        (ExitsWhenOpening, "answer"),
        (ExitsInACall, "answer"),
        (ExitsWhenItAsksForTheList, "live-models"),
        (ExitsInASimulatedRefusal, "error-bad-request"),
        (ExitsWhenTheSimulatorStarts, "simulator"),
        (ExitsWhenTheSimulatorStops, "simulator"),
    ],
)
def test_ending_the_process_fails_the_running_check(
    plugin: type, check: str, caplog: pytest.LogCaptureFixture
) -> None:
    finding = Contract(PluginUnderTest(plugin)).finding(check)
    assert finding.verdict is Verdict.FAILED
    what = "KeyboardInterrupt" if plugin is ExitsInACall else "SystemExit"
    assert finding.detail == f"It raises {what}, which ends a process."
    assert caplog.records == []
