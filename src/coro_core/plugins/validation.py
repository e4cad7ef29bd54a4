"""Validation of what a plugin returned."""

from dataclasses import replace

from coro_core.contract.errors import EmptyResponse, InvalidResponse
from coro_core.contract.types import Generation, Usage

MAX_ANSWER_CHARS = 1_000_000
MAX_NAME_CHARS = 200


def validate_generation(generation: object) -> Generation:
    """Return a plugin's generation if it keeps the contract.

    Text that cannot be encoded comes from the model and is repaired. Any other defect is the
    plugin's fault and raises `TypeError`. Raises `EmptyResponse` and `InvalidResponse` too.
    """
    if not isinstance(generation, Generation):
        raise TypeError("coro_generate must return a Generation")
    usage = generation.usage
    if not isinstance(usage, Usage):
        raise TypeError("usage must be a Usage")
    for count in (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens):
        if count is not None and not (type(count) is int and 0 <= count < 2**53):
            raise TypeError("tokens must be counted in whole numbers that JSON can carry")
    if generation.finish_reason not in ("stop", "length", "content_filter", "other"):
        raise TypeError("finish_reason must be one of the four")
    text, model = generation.text, generation.model
    if type(text) is not str or not (model is None or type(model) is str):
        raise TypeError("text and model must be str")
    if not text.strip():
        raise EmptyResponse
    if len(text) > MAX_ANSWER_CHARS:
        raise InvalidResponse(f"It was longer than {MAX_ANSWER_CHARS} characters.")
    if text.isascii() and (model is None or (model.isascii() and len(model) <= MAX_NAME_CHARS)):
        return generation
    return replace(
        generation, text=encodable(text), model=model and encodable(model[:MAX_NAME_CHARS])
    )


def encodable(text: str) -> str:
    """Replace each half of a surrogate pair, which JSON cannot carry, by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
