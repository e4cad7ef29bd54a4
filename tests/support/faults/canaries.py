"""Words that must never come out of CORO: keys, the prompt, and what a provider says.

The fault servers send them back on purpose, in bodies, headers and error texts. Everything that
CORO says during the fault suite, to clients and into its log, is searched for them.
"""

from dataclasses import dataclass, field

from coro_core.testing.conformance.secrets import forms

PROVIDER_TEXT = "Provider7Says~Qx"
"""Part of everything that a fault server says in words."""
_PROMPT = "Prompt7Canary~Qx"
PROMPT = f"{_PROMPT}: grüße, what is 2+2?"
KEYS = {
    "deepseek": "sk-Ds7Q~canary~deepseek~9f31~Zx~1",
    "gemini": "AQ.Gm7Q~canary~gemini~4c72~Zx~2",
    "groq": "gsk_Gq7Q~canary~groq~8b05~Zx~3",
    "openai": "sk-Oa7Q~canary~openai~2e64~Zx~4",
}
"""Neither their first eight characters nor their last four occur by chance: `~` is in no hex, no
base64 and no sentence."""


FORMS = {
    form.encode() for secret in (*KEYS.values(), _PROMPT, PROVIDER_TEXT) for form in forms(secret)
} | {part.encode() for key in KEYS.values() for part in (key[:8], key[-4:])}


def leaks(content: bytes) -> list[bytes]:
    """Return the forms that are in `content`."""
    return sorted(form for form in FORMS if form in content)


@dataclass(slots=True)
class Watch:
    """Bytes searched so far, and the places of canaries found."""

    bytes_searched: int = 0
    found: list[str] = field(default_factory=list)

    def search(self, where: str, content: bytes) -> None:
        """Search what CORO said; keep what was found, with where."""
        self.bytes_searched += len(content)
        self.found += [f"{form!r} in {where}" for form in leaks(content)]


WATCH = Watch()
