"""Readers for fields of JSON that no SDK has checked."""

from typing import Any

from coro_core import InvalidResponse


def as_object(value: object) -> dict[str, Any]:
    """Return a JSON object. Raises `InvalidResponse` for anything else."""
    if not isinstance(value, dict):
        raise InvalidResponse("It does not have the shape of an answer.")
    return value


def as_list(value: object) -> list[Any]:
    """Return a list; an absent one is empty. Raises `InvalidResponse` for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidResponse("It does not have the shape of an answer.")
    return value


def as_text(value: object) -> str:
    """Return a text; anything else is the empty text."""
    return value if isinstance(value, str) else ""
