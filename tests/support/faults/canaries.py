"""Words that must never come out of CORO: keys, the prompt, and what a provider says.

The fault servers send them back on purpose, in bodies, headers and error texts. Everything that
CORO says during the fault suite, to clients and into its log, is searched for them.
"""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote

PROVIDER_TEXT = "Provider7Says~Qx"
"""Part of everything that a fault server says in words."""
_PROMPT = "Prompt7Canary~Qx"
PROMPT = f"{_PROMPT}: grüße, what is 2+2?"
KEYS = {
    "deepseek": "sk-Ds7Q~canary~deepseek~9f31~Zx~1",
    "gemini": "AQ.Gm7Q~canary~gemini~4c72~Zx~2",
    "groq": "gsk_Gq7Q~canary~groq~8b05~Zx~3",
}
"""Neither their first eight characters nor their last four occur by chance: `~` is in no hex, no
base64 and no sentence."""


def _base64_forms(secret: bytes) -> set[bytes]:
    """Return what every base64 of a text that holds the secret has in it, wherever it begins."""
    forms = set()
    for offset in range(3):
        first_whole = (offset * 8 + 5) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + secret)
            forms.add(encoded[first_whole : len(encoded) // 4 * 4 - 4])
    return forms


def forms(secret: str) -> set[bytes]:
    """Return the forms in which a secret could get out."""
    plain = secret.encode()
    urls = {quote(secret).encode(), quote(secret, safe="").replace("~", "%7E").encode()}
    return {plain, plain.hex().encode(), *urls, *_base64_forms(plain)}


FORMS = {form for secret in (*KEYS.values(), _PROMPT, PROVIDER_TEXT) for form in forms(secret)} | {
    part.encode() for key in KEYS.values() for part in (key[:8], key[-4:])
}


def leaks(content: bytes) -> list[bytes]:
    """Return the forms that are in `content`."""
    return sorted(form for form in FORMS if form in content)


@dataclass(slots=True)
class Watch:
    """What has been searched so far, and what was found."""

    bytes_searched: int = 0
    found: list[str] = field(default_factory=list)

    def search(self, where: str, content: bytes) -> None:
        """Search what CORO said; keep what was found, with where."""
        self.bytes_searched += len(content)
        self.found += [f"{form!r} in {where}" for form in leaks(content)]


WATCH = Watch()
