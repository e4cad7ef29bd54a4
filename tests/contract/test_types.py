"""The data between core and plugins: checked once, frozen, and silent about prompts and answers."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from coro_core import GenerateRequest, Generation, Model, Usage

GOOD: dict[str, Any] = {
    "id": "llama-70b",
    "name": "Llama 3.1 70B",
    "provider": "Acme",
    "cost": "free",
    "candidates": ("llama-3.1-70b", "llama-3.3-70b"),
}
REQUEST = GenerateRequest(
    model="acme-1", prompt="canary", temperature=0.7, max_tokens=512, timeout=5.0
)
ANSWER = Generation(text="canary", model="acme-1-001", usage=Usage(output_tokens=3))
VALUES = [Model(**GOOD), REQUEST, ANSWER, Usage(input_tokens=1)]


@pytest.mark.parametrize(
    "model_id", ["a", "0", "gemini", "llama-70b", "gpt-4.1_mini", "a" * 64, "9-.__"]
)
def test_a_model_id_is_of_small_letters_digits_dots_dashes_and_underscores(model_id: str) -> None:
    assert Model(**{**GOOD, "id": model_id}).id == model_id


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        " ",
        "a b",
        "a ",
        "a\n",
        "Llama",
        "-a",
        ".a",
        "_a",
        "a:b",
        "a/b",
        "a" * 65,
        "caf\u00e9",
        "\u0661",
        "a\x00",
        "a\ud800",
        None,
        7,
        b"a",
    ],
    ids=ascii,
)
def test_any_other_model_id_is_refused(model_id: Any) -> None:
    with pytest.raises(ValueError, match=r"^a model's id must be 1 to 64 of a-z, 0-9,"):
        Model(**{**GOOD, "id": model_id})


@pytest.mark.parametrize("field", ["name", "provider", "cost"])
@pytest.mark.parametrize("value", ["", None, 7, b"x", ["x"]])
def test_a_model_needs_every_text(field: str, value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^model 'llama-70b' needs a name, a provider and a cost$"
    ):
        Model(**{**GOOD, field: value})


@pytest.mark.parametrize("value", [(), [], ["x"], "x", None, {"x"}], ids=repr)
def test_a_model_needs_a_tuple_of_candidates(value: Any) -> None:
    with pytest.raises(ValueError, match=r"needs a tuple of at least one upstream candidate$"):
        Model(**{**GOOD, "candidates": value})


@pytest.mark.parametrize("value", ["", None, 7, b"x", ("x",)], ids=repr)
def test_every_candidate_is_a_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"has an upstream candidate that is not a name$"):
        Model(**{**GOOD, "candidates": ("x", value)})


@pytest.mark.parametrize("missing", GOOD)
def test_no_field_of_a_model_can_be_left_out(missing: str) -> None:
    with pytest.raises(TypeError, match=missing):
        Model(**{name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_nothing_can_be_changed_or_added(value: Any) -> None:
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(value, field.name)
    # Python's own slotted dataclasses raise TypeError for a name that is no field.
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        value.something_else = 1
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_equal_values_are_equal_keys_and_can_be_copied(value: Any) -> None:
    twin = dataclasses.replace(value)
    assert twin is not value
    assert {value: "found"}[twin] == "found"
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_fields_are_named_and_never_counted(value: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        type(value)("x")


def test_prompts_and_answers_stay_out_of_what_is_printed() -> None:
    assert "canary" not in f"{REQUEST!r} {REQUEST!s} {ANSWER!r} {ANSWER!s}"
    assert "acme-1" in repr(REQUEST)
    assert "acme-1-001" in repr(ANSWER)


def test_prompts_and_answers_count_when_values_are_compared() -> None:
    assert dataclasses.replace(REQUEST, prompt="other") != REQUEST
    assert dataclasses.replace(ANSWER, text="other") != ANSWER


def test_an_answer_needs_only_its_text() -> None:
    answer = Generation(text="hello")
    assert answer.model is None
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(input_tokens=None, output_tokens=None, reasoning_tokens=None)
