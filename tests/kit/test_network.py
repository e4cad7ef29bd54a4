"""The settings `CORO_HTTPS_PROXY` and `CORO_CA_FILE`, as plugins read them."""

import shutil
import ssl
from pathlib import Path

import pytest

from coro_core import NotConfigured
from coro_core.kit import Network, network
from support.faults.certificates import certificate

PROXY, CA_FILE = "CORO_HTTPS_PROXY", "CORO_CA_FILE"
SPACED = "holds a character that no address has, such as a space or a line break"
NOT_HTTP = "is not an http address"
INVALID = "is not a valid address"
EXTRAS = "must hold no path, query or fragment"

UNUSABLE_PROXIES = [
    ("proxy.example:3128", NOT_HTTP),
    ("https://proxy.example:3128", NOT_HTTP),
    ("socks5://proxy.example:1080", NOT_HTTP),
    ("http://:3128", NOT_HTTP),
    ("/secret", NOT_HTTP),
    ("http://proxy.example", "names no port"),
    ("http://proxy.example:port", INVALID),
    ("http://proxy.example:99999", INVALID),
    ("http://[::1:3128", INVALID),
    ("http://ann:%ff%e2%82%ac@proxy.example:3128", INVALID),
    ("http://ann:%e2%82%ac@proxy.example:3128", INVALID),
    ("http://pr oxy.example:3128", SPACED),
    ("http://pr\u00f6xy.example:3128", SPACED),
    ("http://proxy.example:3128/secret", EXTRAS),
    ("http://proxy.example:3128?secret", EXTRAS),
    ("http://proxy.example:3128#secret", EXTRAS),
    ("http://a%3Ab:secret@proxy.example:3128", "holds a user name with a colon"),
]


async def test_no_proxy_and_no_certificate_is_the_default() -> None:
    assert await network({}) == await network({PROXY: " ", CA_FILE: "\n"}) == Network()


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        (" http://10.0.0.1:80/\n", "http://10.0.0.1:80"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://ann:s%40cret@proxy.example:3128", "http://ann:s%40cret@proxy.example:3128"),
        ("http://ann@proxy.example:3128", "http://ann@proxy.example:3128"),
    ],
)
async def test_an_http_address_with_a_port_is_a_proxy(value: str, address: str) -> None:
    assert (await network({PROXY: value})).proxy == address


@pytest.mark.parametrize(("value", "problem"), UNUSABLE_PROXIES, ids=ascii)
async def test_an_unusable_proxy_is_refused_without_being_repeated(
    value: str, problem: str
) -> None:
    with pytest.raises(NotConfigured) as caught:
        await network({PROXY: value})
    message = caught.value.message
    assert message == f"{PROXY} {problem}; use an address such as http://proxy.example:3128."
    assert "secret" not in message


async def test_the_representation_shows_neither_password_nor_certificates() -> None:
    assert repr(Network("http://ann:secret@proxy.example:3128", "PEM")) == "Network()"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "holds no certificate"),
        (b"\x00\xff rubbish", "holds no certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is damaged"),
        (b" " * 5_000_000, "of more than 4,194,304 bytes"),
    ],
    ids=["missing", "empty", "rubbish", "a key only", "damaged", "huge"],
)
async def test_a_file_without_certificates_is_refused_in_a_sentence(
    content: bytes | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotConfigured, match=CA_FILE) as caught:
        await network({CA_FILE: str(path)})
    assert problem in caught.value.message
    assert "secret" not in caught.value.message


async def test_a_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="Is a directory"):
        await network({CA_FILE: str(tmp_path)})


async def test_a_path_with_a_null_is_refused_in_a_sentence() -> None:
    with pytest.raises(NotConfigured, match="cannot be read"):
        await network({CA_FILE: "a\0b"})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
async def test_certificates_are_taken_out_of_a_file_with_comments_and_a_key(
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        certificate(tmp_path, name, "IP:127.0.0.1")
    both = tmp_path / "both.pem"
    both.write_bytes(
        "# Gr\u00fc\u00dfe\r\n".encode("latin-1")
        + (tmp_path / "one.pem").read_bytes()
        + (tmp_path / "one.key").read_bytes()
        + (tmp_path / "two.pem").read_bytes().replace(b"\n", b"\r\n")
    )
    found = await network({CA_FILE: str(both)})
    assert "PRIVATE KEY" not in found.certificates
    public = Network()
    extra = len(found.ssl_context().get_ca_certs()) - len(public.ssl_context().get_ca_certs())
    assert extra == 2
    roots = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    roots.load_verify_locations(cadata=found.root_certificates().decode())
    assert len(roots.get_ca_certs()) == len(found.ssl_context().get_ca_certs())
