"""Both clients and certificates, against TLS servers on loopback."""

import asyncio
import shutil
import ssl
import subprocess

import pytest

from coro_core import ConnectionFailed, Timeout
from coro_core.kit import Network
from coro_core.kit.http import Limits, open_httpx_client, open_json_client

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, with its key, made now."""
    folder = tmp_path_factory.mktemp("tls")
    path, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return path, context


@pytest.fixture
def trusted(certificate):
    """Return a network that trusts that certificate besides the public ones."""
    return Network(certificates=certificate[0].read_text())


@pytest.fixture(params=[open_httpx_client, open_json_client], ids=["httpx", "lean"])
def get(request):
    async def get(url, **options):
        async with request.param(url, **options) as client:
            return await client.get("/")

    return get


async def test_a_certificate_that_is_not_trusted_is_refused_for_good(get, raw_server, certificate):
    async with raw_server(OK, certificate[1]) as server:
        with pytest.raises(ConnectionFailed) as caught:
            await get(server.url)
    assert not caught.value.retryable
    assert "certificate" in caught.value.message
    assert "CORO_CA_FILE" in caught.value.message
    assert server.requests == []


async def test_a_trusted_certificate_is_taken(get, raw_server, certificate, trusted):
    async with raw_server(OK, certificate[1]) as server:
        assert (await get(server.url, network=trusted)).content == b"ok"


async def test_a_trusted_certificate_of_another_host_is_refused_for_good(
    get, raw_server, certificate, trusted
):
    async with raw_server(OK, certificate[1]) as server:
        with pytest.raises(ConnectionFailed) as caught:
            await get(server.url.replace("127.0.0.1", "localhost"), network=trusted)
    assert not caught.value.retryable
    assert server.requests == []


async def test_a_server_that_does_not_speak_tls_is_refused_for_good(get):
    async def connected(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        with pytest.raises(ConnectionFailed) as caught:
            await get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert not caught.value.retryable


async def test_a_handshake_that_hangs_is_a_timeout(get, raw_server):
    async with raw_server(b"") as server:
        with pytest.raises(Timeout):
            await get(server.url.replace("http:", "https:"), limits=Limits(connect_seconds=0.1))
        await asyncio.wait_for(server.left.wait(), 0.5)


async def test_the_certificates_of_the_process_are_built_once(trusted):
    assert Network().ssl_context() is Network().ssl_context()
    assert trusted.ssl_context() is not Network().ssl_context()


async def test_the_public_certificates_stay_trusted(trusted):
    public = len(Network().ssl_context().get_ca_certs())
    assert len(trusted.ssl_context().get_ca_certs()) == public + 1
