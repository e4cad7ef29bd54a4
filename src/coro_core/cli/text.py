"""Third-party text, made safe for a terminal.

A model's answer can hold escape sequences that recolour the screen, rename the window, write to the
clipboard (OSC 52) or disguise a link (OSC 8). It can hold carriage returns that overwrite a line,
and marks that reverse the direction of writing. All of these are made visible instead.
"""

import re

_CONTROLS = re.compile(
    # C0 but for tab and newline, DEL, and C1, whose single bytes some terminals obey.
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"
    # The marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9).
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    # Line and paragraph separators; annotations; tags, which hide text; halves of a pair.
    r"\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_PICTURES = 0x2400
"""The first of Unicode's pictures for the 32 control characters."""


def sanitize(text: str) -> str:
    """Return the text with every control character but tab and newline as a visible sign."""
    return _CONTROLS.sub(_picture, text.replace("\r\n", "\n"))


def on_one_line(text: str) -> str:
    """Return sanitized text without any line break or run of white space."""
    return " ".join(sanitize(text).split())


def sanitize_json(json: str) -> str:
    """Return the same JSON, with control characters written as escapes."""
    return _CONTROLS.sub(_escape, json)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_PICTURES + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(rf"\u{units[place : place + 4]}" for place in range(0, len(units), 4))
