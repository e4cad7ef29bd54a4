"""A plugin's own settings: which keys and addresses are taken, and what is said of the others."""

from collections.abc import Callable, Mapping

import pytest

from coro_core import NotConfigured
from coro_core.kit import api_key, base_url, is_loopback, is_private

NAME = "ACME_API_KEY"
HELP = "get one at https://acme.example/keys"
DEFAULT = "https://api.acme.example"

MISSING = "is not set"
BLANK = "is set but blank"
QUOTED = "has quotation marks around it"
ODD = "holds a character that no key has, such as a space, a line break or an accent"
EXAMPLE = "still holds the example's text"

REFUSED_KEYS = [
    ("", BLANK),
    (" ", BLANK),
    ("\t\r\n", BLANK),
    ("\u00a0", BLANK),
    ('"sk-secret-1"', QUOTED),
    ('"sk-secret-1', QUOTED),
    ('sk-secret-1"', QUOTED),
    ("'sk-secret-1'", QUOTED),
    (" 'sk-secret-1' ", QUOTED),
    ('"', QUOTED),
    ("sk-secret\n-1", ODD),
    ("sk-secret\r-1", ODD),
    ("sk-secret\r\nX-Other: 1", ODD),
    ("sk-secret\x00", ODD),
    ("sk-secret\x1b[2J", ODD),
    ("sk-secret\x7f", ODD),
    ("sk secret 1", ODD),
    ("sk\tsecret", ODD),
    ("sk-s\u00e9cret", ODD),
    ("\u0455k-secret", ODD),
    ("sk-secret\u200b", ODD),
    ("\ufeffsk-secret", ODD),
    ("sk\u00a0secret", ODD),
    ("sk-secret\udcff", ODD),
    ("\u201csk-secret\u201d", ODD),
    ("your-key-here", EXAMPLE),
    ("your_key", EXAMPLE),
    ("YOUR_API_KEY", EXAMPLE),
    ("yourkey", EXAMPLE),
    ("your_acme_api_key_here", EXAMPLE),
    ("your-secret", EXAMPLE),
    ("<key>", EXAMPLE),
    ("<your-key>", EXAMPLE),
    ("changeme", EXAMPLE),
    ("CHANGE-ME", EXAMPLE),
    ("replace_me", EXAMPLE),
    ("placeholder", EXAMPLE),
    ("xxx", EXAMPLE),
    ("XXXXXXXX", EXAMPLE),
    ("...", EXAMPLE),
    ("TODO", EXAMPLE),
]

TAKEN_KEYS = [
    ("AQ.Ab8RN6IxZ-secret_1", "AQ.Ab8RN6IxZ-secret_1"),
    ("AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
    ("gsk_0123456789abcdef", "gsk_0123456789abcdef"),
    ("sk-0123456789abcdef", "sk-0123456789abcdef"),
    ("sk-proj-a_b-c", "sk-proj-a_b-c"),
    (" sk-secret ", "sk-secret"),
    ("sk-secret\n", "sk-secret"),
    ("sk-secret\r\n", "sk-secret"),
    ("\tsk-secret", "sk-secret"),
    ("it's", "it's"),
    ("a$b${C}%d#e", "a$b${C}%d#e"),
    ("a+/b==", "a+/b=="),
    ("a<b>", "a<b>"),
    ("xx", "xx"),
    ("xxx1", "xxx1"),
    ("k", "k"),
    ("todo-list-key", "todo-list-key"),
    ("my-your-key", "my-your-key"),
    ("k" * 4000, "k" * 4000),
]


def read_key(environ: Mapping[str, str]) -> str:
    return api_key(environ, NAME, help=HELP)


def read_address(environ: Mapping[str, str]) -> str:
    return base_url(environ, NAME, DEFAULT)


def map_error(read: Callable[[Mapping[str, str]], str], value: str | None) -> str:
    environ = {} if value is None else {NAME: value}
    with pytest.raises(NotConfigured) as caught:
        read(environ)
    assert caught.value.setting == NAME
    assert str(caught.value) == caught.value.message
    return caught.value.message


def test_a_key_that_is_missing_is_said_to_be_with_the_help() -> None:
    assert map_error(read_key, None) == f"{NAME} {MISSING}; {HELP}."


@pytest.mark.parametrize(("value", "problem"), REFUSED_KEYS, ids=ascii)
def test_a_key_that_cannot_be_one_is_refused_without_being_repeated(
    value: str, problem: str
) -> None:
    message = map_error(read_key, value)
    assert message == f"{NAME} {problem}; {HELP}."
    assert "secret" not in message


@pytest.mark.parametrize(("value", "key"), TAKEN_KEYS, ids=lambda text: ascii(text)[:40])
def test_a_key_of_any_other_shape_is_taken_without_the_white_space_around_it(
    value: str, key: str
) -> None:
    assert read_key({NAME: value}) == key


def test_a_full_stop_at_the_end_of_the_help_is_not_doubled() -> None:
    with pytest.raises(NotConfigured) as caught:
        api_key({}, NAME, help="ask Acme.")
    assert caught.value.message == f"{NAME} is not set; ask Acme."


NOT_HTTP = "is not an http or https address"
INVALID = "is not a valid address"
EXTRAS = "must hold no user, query or fragment"
PLAIN = "is plain http to another machine, which would show the key to the network"
NOT_ASCII = "has a host that is not ASCII; write it in IDNA, such as xn--bcher-kva.example"
SPACED = "holds a character that no address has, such as a space or a line break"

REFUSED_ADDRESSES = [
    ("http://api.acme.example", PLAIN),
    ("http://10.0.0.1", PLAIN),
    ("http://0.0.0.0:80", PLAIN),
    ("http://192.168.1.1:8080/v1", PLAIN),
    ("http://[2001:db8::1]", PLAIN),
    ("http://localhost.evil.example", PLAIN),
    ("http://127.0.0.1.evil.example", PLAIN),
    ("http://2130706433", PLAIN),
    ("https://secret:secret@api.acme.example", EXTRAS),
    ("https://secret@api.acme.example", EXTRAS),
    ("https://@api.acme.example", EXTRAS),
    ("http://localhost@evil.example", EXTRAS),
    ("http://localhost\\@evil.example", EXTRAS),
    ("https://api.acme.example?key=secret", EXTRAS),
    ("https://api.acme.example?", EXTRAS),
    ("https://api.acme.example/v1?secret", EXTRAS),
    ("https://api.acme.example#secret", EXTRAS),
    ("https://api.acme.example/#", EXTRAS),
    ("https://api.acme.example:secret", INVALID),
    ("https://api.acme.example:65536", INVALID),
    ("https://api.acme.example:-1", INVALID),
    ("https://[::1", INVALID),
    ("https://[not-an-address]", INVALID),
    ("api.acme.example", NOT_HTTP),
    ("//api.acme.example", NOT_HTTP),
    ("/v1", NOT_HTTP),
    ("localhost:8080", NOT_HTTP),
    ("ftp://api.acme.example", NOT_HTTP),
    ("file:///etc/secret", NOT_HTTP),
    ("javascript:secret", NOT_HTTP),
    ("https://", NOT_HTTP),
    ("https://evil\u3002example", NOT_ASCII),
    ("https://evil\uff0eexample", NOT_ASCII),
    ("https://evil\uff61example", NOT_ASCII),
    ("https://b\u00fccher.example", NOT_ASCII),
    ("https://\u0430pi.acme.example", NOT_ASCII),
    ("https:///v1", NOT_HTTP),
    ("https://:443", NOT_HTTP),
    ("https://api.acme.example/a secret", SPACED),
    ("https://api.acme\n.example", SPACED),
    ("https://api.acme.example/\tv1", SPACED),
    ("https://api.acme.example/\x00", SPACED),
    ("https://api.acme.example/\u200b", SPACED),
]

TAKEN_ADDRESSES = [
    ("https://proxy.example", "https://proxy.example"),
    ("https://proxy.example:8443", "https://proxy.example:8443"),
    ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ("https://proxy.example/acme/v1", "https://proxy.example/acme/v1"),
    ("https://proxy.example/", "https://proxy.example"),
    ("https://proxy.example/v1//", "https://proxy.example/v1"),
    (" https://proxy.example\n", "https://proxy.example"),
    ("HTTPS://Proxy.Example", "HTTPS://Proxy.Example"),
    ("https://10.0.0.1", "https://10.0.0.1"),
    ("http://127.0.0.1", "http://127.0.0.1"),
    ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
    ("http://127.8.9.1:1", "http://127.8.9.1:1"),
    ("http://[::1]", "http://[::1]"),
    ("http://[::1]:8080", "http://[::1]:8080"),
    ("http://localhost", "http://localhost"),
    ("http://LOCALHOST:8080/", "http://LOCALHOST:8080"),
    ("", DEFAULT),
    (" \n", DEFAULT),
]


@pytest.mark.parametrize(("value", "problem"), REFUSED_ADDRESSES, ids=ascii)
def test_an_address_that_a_key_must_not_go_to_is_refused_without_being_repeated(
    value: str, problem: str
) -> None:
    message = map_error(read_address, value)
    assert message == f"{NAME} {problem}; use an address such as {DEFAULT}."
    assert "secret" not in message


@pytest.mark.parametrize(("value", "address"), TAKEN_ADDRESSES, ids=ascii)
def test_any_other_address_is_taken_without_a_slash_at_its_end(value: str, address: str) -> None:
    assert read_address({NAME: value}) == address


def test_the_default_address_stands_when_none_is_set() -> None:
    assert base_url({}, NAME, f"{DEFAULT}/") == DEFAULT


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("localhost.example", False),
        ("", False),
        ("127.1", False),
    ],
)
def test_only_this_machine_is_loopback_and_no_resolver_is_asked(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("192.168.1.1", True),
        ("fd00::1", True),
        ("host.docker.internal", True),
        ("box.local", True),
        ("ollama", True),
        ("172.32.0.1", False),
        ("192.0.2.1", False),
        ("169.254.169.254", False),
        ("2001:db8::1", False),
        ("8.8.8.8", False),
        ("134744072", False),
        ("0x08080808", False),
        ("10.1", False),
        ("llm.example", False),
        ("local.example", False),
        ("", False),
    ],
)
def test_a_private_host_is_recognised_without_a_resolver(host: str, expected: bool) -> None:
    assert is_private(host) is expected
