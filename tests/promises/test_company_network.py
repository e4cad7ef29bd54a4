"""Every plugin behind a company's proxy that holds a certificate authority of its own."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.connect_proxy import connect_proxy
from support.faults.certificates import certificate
from support.faults.fault_proxy import proxy_before
from support.faults.harness import MODELS, Harness, address_of, fault_harness, simulator

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")


@pytest.fixture(autouse=True)
def _environment_points_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of the environment, which no plugin obeys."""
    for name in ("HTTPS_PROXY", "https_proxy", "grpc_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@asynccontextmanager
async def behind_tls(
    plugin: str, folder: Path, environ: Mapping[str, str], *, trusted: bool = True
) -> AsyncIterator[tuple[Harness, int]]:
    """Serve a harness whose provider has a certificate of a private authority; yield its port."""
    context = certificate(folder, "company", "IP:127.0.0.1")
    settings = {"CORO_CA_FILE": str(folder / "company.pem")} if trusted else {}
    async with simulator(plugin) as (_, address), proxy_before(address, context) as proxy:
        url = urlsplit(address)._replace(scheme="https", netloc=f"127.0.0.1:{proxy.port}").geturl()
        settings |= {address_of(plugin): url, **environ}
        async with fault_harness(plugin, settings, warm=False) as harness:
            yield harness, proxy.port


@pytest.mark.parametrize("user", ["", "ann:secret%20word"], ids=["open", "with a user"])
@pytest.mark.parametrize("plugin", MODELS)
async def test_a_plugin_answers_through_the_proxy_with_the_private_authority(
    plugin: str, user: str, tmp_path: Path
) -> None:
    async with connect_proxy(user.replace("%20", " ")) as proxy:
        address = f"http://{user + '@' if user else ''}127.0.0.1:{proxy.port}"
        environ = {"CORO_HTTPS_PROXY": address}
        async with behind_tls(plugin, tmp_path, environ) as (harness, port):
            for _ in range(2):
                row = await harness.ask(5)
                assert row["error"] is None, row["error"]
        assert proxy.targets == [f"127.0.0.1:{port}"]
        # The key and the prompt went through TLS.
        assert b"HTTP/1.1" not in proxy.tunnelled


@pytest.mark.parametrize("plugin", MODELS)
async def test_a_plugin_answers_without_a_proxy_with_the_private_authority(
    plugin: str, tmp_path: Path
) -> None:
    async with behind_tls(plugin, tmp_path, {}) as (harness, _):
        row = await harness.ask(5)
        assert row["error"] is None, row["error"]


@pytest.mark.parametrize("plugin", MODELS)
async def test_the_private_authority_is_trusted_only_when_it_is_set(
    plugin: str, tmp_path: Path
) -> None:
    async with (
        connect_proxy() as proxy,
        behind_tls(plugin, tmp_path, {"CORO_HTTPS_PROXY": proxy.address}, trusted=False) as (
            harness,
            _,
        ),
    ):
        await harness.fails("connection_failed")


@pytest.mark.parametrize("plugin", MODELS)
async def test_plain_http_on_loopback_never_goes_through_the_proxy(plugin: str) -> None:
    async with connect_proxy() as proxy:
        async with fault_harness(plugin, {"CORO_HTTPS_PROXY": proxy.address}) as harness:
            await harness.recovers()
        assert proxy.heads == []


@pytest.mark.parametrize("plugin", MODELS)
async def test_a_proxy_that_refuses_costs_its_own_row(plugin: str, tmp_path: Path) -> None:
    async with connect_proxy("ann:secret") as proxy:
        environ = {"CORO_HTTPS_PROXY": f"http://bob:wrong-password@127.0.0.1:{proxy.port}"}
        async with behind_tls(plugin, tmp_path, environ) as (harness, _):
            row = await harness.fails("connection_failed")
            assert "wrong-password" not in row["error"]
            # gRPC does not report the reason.
            assert plugin == "gemini" or "CORO_HTTPS_PROXY" in row["error"]


@pytest.mark.parametrize("plugin", MODELS)
@pytest.mark.parametrize("name", ["CORO_HTTPS_PROXY", "CORO_CA_FILE"])
async def test_an_unusable_setting_leaves_the_plugin_unconfigured_with_a_sentence(
    plugin: str, name: str
) -> None:
    async with fault_harness(plugin, {name: "/no/such/thing"}, warm=False) as harness:
        states = (await harness.client.get("/plugins")).json()["plugins"]
        reasons = {state["name"]: state["reason"] for state in states}
    assert set(map(type, reasons.values())) == {str}
    assert all(reason.startswith(name) for reason in reasons.values())
    assert "/no/such" not in str(reasons)
