"""Token counts of a reply, whatever names and sums a service uses."""

from collections.abc import Mapping
from typing import Any

from coro_core.contract.types import Usage

_MAX_COUNT = 2**53
"""The largest whole number that every JSON reader agrees on; a larger count is nonsense."""


def read_usage(usage: object) -> Usage:
    """Return the counts of a `usage` object; `None` for each that it does not hold.

    The total decides whether reasoning is inside the answer's count or beside it. Without a total,
    reasoning is inside, unless it is larger than the count. An answer is never counted as 0 tokens
    because of its reasoning: then the count is not known.
    """
    if not isinstance(usage, dict):
        return Usage()
    prompt = _first_count(usage, "prompt_tokens", "input_tokens")
    answer = _first_count(usage, "completion_tokens", "output_tokens")
    reasoning = _reasoning(usage)
    if answer and reasoning:
        beside = reasoning > answer
        if (total := _first_count(usage, "total_tokens")) is not None and prompt is not None:
            beside = total >= prompt + answer + reasoning
        if not beside:
            answer = answer - reasoning if answer > reasoning else None
    return Usage(input_tokens=prompt, output_tokens=answer, reasoning_tokens=reasoning)


def _reasoning(usage: Mapping[str, Any]) -> int | None:
    for name in ("completion_tokens_details", "output_tokens_details"):
        if isinstance(details := usage.get(name), dict):
            return _count(details.get("reasoning_tokens"))
    return _count(usage.get("reasoning_tokens"))


def _first_count(usage: Mapping[str, Any], *names: str) -> int | None:
    counts = (_count(usage.get(name)) for name in names)
    return next((count for count in counts if count is not None), None)


def _count(value: object) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MAX_COUNT else None
