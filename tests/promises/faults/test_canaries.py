"""The search for leaks finds each form of a leak: a search that cannot fail proves nothing."""

import base64
from urllib.parse import quote

import pytest

from support.faults.canaries import FORMS, KEYS, PROMPT, PROVIDER_TEXT, leaks


@pytest.mark.parametrize("secret", [*KEYS.values(), PROMPT, PROVIDER_TEXT])
def test_a_secret_is_found_in_every_form(secret: str) -> None:
    said = f"before {secret} after"
    assert leaks(said.encode())
    assert leaks(quote(said).encode())
    assert leaks(said.encode().hex().encode())
    for offset in range(3):
        content = b"x" * offset + said.encode()
        assert leaks(base64.b64encode(content))
        assert leaks(base64.urlsafe_b64encode(content))


@pytest.mark.parametrize("key", KEYS.values())
def test_the_ends_of_a_key_are_found(key: str) -> None:
    assert leaks(f"{key[:8]}...".encode())
    assert leaks(f"****{key[-4:]}".encode())


def test_no_form_is_so_short_that_it_occurs_by_chance() -> None:
    assert min(map(len, FORMS)) == 4
    assert all(len(form) >= 8 or b"~" in form for form in FORMS)
