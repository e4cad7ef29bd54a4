"""The OpenAI chat dialect, read from bodies that are right, wrong and hostile."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coro_core import (
    ContentBlocked,
    EmptyResponse,
    GenerateRequest,
    InvalidResponse,
    Overloaded,
    ProviderError,
    Usage,
)
from coro_core.kit.http import (
    ErrorBody,
    chat_body,
    read_completion,
    read_error,
    read_model_ids,
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: no example fails for its time."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def completion(content="hi", finish_reason="stop", **fields):
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    return json.dumps({"choices": [choice], **fields}).encode()


def some_of(**fields):
    return st.fixed_dictionaries({}, optional=fields)


MESSAGES = some_of(content=JSON) | JSON
CHOICES = st.lists(some_of(message=MESSAGES, finish_reason=JSON) | JSON, max_size=2) | JSON
DETAILS = some_of(reasoning_tokens=JSON) | JSON
USAGE = some_of(prompt_tokens=JSON, completion_tokens=JSON, completion_tokens_details=DETAILS)
COMPLETIONS = some_of(choices=CHOICES, usage=USAGE | JSON, model=JSON)
LISTS = some_of(data=st.lists(some_of(id=JSON, active=JSON) | JSON) | JSON)
ERRORS = some_of(
    error=some_of(message=JSON, code=JSON, type=JSON, detail=JSON) | JSON, message=JSON, detail=JSON
)


def test_the_request_holds_one_message_and_the_providers_own_fields():
    request = GenerateRequest(model="m", prompt="p", temperature=0.5, max_tokens=7, timeout=1)
    assert chat_body(request, max_tokens=7, thinking=False) == {
        "model": "m",
        "messages": [{"role": "user", "content": "p"}],
        "temperature": 0.5,
        "stream": False,
        "max_tokens": 7,
        "thinking": False,
    }


def test_an_answer_is_read_with_its_reason_model_and_counts():
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}
    answer = read_completion(completion(model="m-2", usage=usage))
    assert (answer.text, answer.model, answer.finish_reason) == ("hi", "m-2", "stop")
    assert answer.usage == Usage(input_tokens=3, output_tokens=9)


def test_reasoning_is_not_part_of_the_answers_tokens():
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    counted = read_completion(completion(usage=usage)).usage
    assert (counted.output_tokens, counted.reasoning_tokens) == (5, 4)


@pytest.mark.parametrize("count", [-1, 1.5, True, "3", None, [], 2**53, 10**4000])
def test_a_count_that_is_no_count_is_not_passed_on(count):
    usage = {"prompt_tokens": count, "completion_tokens": count}
    assert read_completion(completion(usage=usage)).usage == Usage()


@pytest.mark.parametrize(
    ("usage", "tokens", "reasoning"),
    [
        # Without a total: inside, unless there is more reasoning than answer.
        ({"completion_tokens": 9, "reasoning_tokens": 4}, 5, 4),
        ({"completion_tokens": 1, "reasoning_tokens": 4}, 1, 4),
        # The total decides.
        (
            {"prompt_tokens": 3, "completion_tokens": 9, "reasoning_tokens": 4, "total_tokens": 12},
            5,
            4,
        ),
        (
            {"prompt_tokens": 3, "completion_tokens": 9, "reasoning_tokens": 4, "total_tokens": 16},
            9,
            4,
        ),
        # All of the count is reasoning, and yet there is an answer: its own count is not known.
        (
            {"prompt_tokens": 3, "completion_tokens": 4, "reasoning_tokens": 4, "total_tokens": 7},
            None,
            4,
        ),
        (
            {
                "input_tokens": 3,
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            3,
            2,
        ),
        ({"completion_tokens": 5.0, "reasoning_tokens": 0}, 5, 0),
        ({"completion_tokens": 5.5}, None, None),
    ],
)
def test_reasoning_is_inside_the_count_or_beside_it(usage, tokens, reasoning):
    read = read_completion(completion(usage=usage)).usage
    assert (read.output_tokens, read.reasoning_tokens) == (tokens, reasoning)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("<think>\nTwo and two.\n</think>\n\n4", "4"),
        ("\n<think></think>4", "4"),
        ("<thinking>Hm.</thinking>\n4", "4"),
        ("Two and two.\n</think>\n\n4", "4"),
        ("Write <think> around it.", "Write <think> around it."),
        ("The tag </think> ends it.\n4", "The tag </think> ends it.\n4"),
        ("4 <think>not at the start</think>", "4 <think>not at the start</think>"),
    ],
)
def test_thinking_at_the_start_of_an_answer_is_left_out(content, answer):
    assert read_completion(completion(content)).text == answer


def test_the_count_of_an_answer_with_thinking_in_it_is_not_known():
    usage = {"prompt_tokens": 3, "completion_tokens": 9}
    read = read_completion(completion("<think>Hm.</think>4", usage=usage)).usage
    assert read == Usage(input_tokens=3, output_tokens=None)


def test_thinking_without_an_end_is_an_answer_that_never_began():
    with pytest.raises(EmptyResponse, match="raise max_tokens"):
        read_completion(completion("<think>Two and", finish_reason="length"))


def test_an_answer_that_stopped_before_its_first_word_needs_no_message():
    with pytest.raises(EmptyResponse, match="raise max_tokens"):
        read_completion(b'{"choices": [{"finish_reason": "length"}]}')


@pytest.mark.parametrize("reason", ["length", "model_length", "max_tokens"])
def test_the_limit_has_several_names(reason):
    assert read_completion(completion(finish_reason=reason)).finish_reason == "length"


def test_a_web_page_names_the_setting_of_the_address():
    with pytest.raises(InvalidResponse, match="check ACME_BASE_URL"):
        read_completion(b"\n<!doctype html>", address_setting="ACME_BASE_URL")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "other"),
        ("a new one", "other"),
        (None, "other"),
        ([], "other"),
    ],
)
def test_a_finish_reason_is_one_of_ours(sent, read):
    assert read_completion(completion(finish_reason=sent)).finish_reason == read


def test_blank_lines_and_a_byte_order_mark_are_tolerated():
    assert read_completion(b"\n\r\n \n" + completion()).text == "hi"
    assert read_completion(b"\xef\xbb\xbf" + completion()).text == "hi"


def test_the_providers_own_failing_reason_is_raised_and_the_part_of_an_answer_dropped():
    cut_short = completion("half an ans", finish_reason="out_of_power")
    assert read_completion(cut_short).text == "half an ans"
    with pytest.raises(Overloaded):
        read_completion(cut_short, failures={"out_of_power": Overloaded})


@pytest.mark.parametrize("nothing", [None, "", " \n\t"])
@pytest.mark.parametrize(
    ("reason", "error", "words"),
    [
        ("length", EmptyResponse, "raise max_tokens"),
        ("stop", EmptyResponse, "Try again"),
        (None, EmptyResponse, "Try again"),
        ("content_filter", ContentBlocked, "rephrase"),
    ],
)
def test_no_text_is_an_error_that_says_what_to_do(nothing, reason, error, words):
    with pytest.raises(error, match=words):
        read_completion(completion(nothing, finish_reason=reason))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"<html>",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b'{"choices": null}',
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [1]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "hi"}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": [{"text": "hi"}]}}]}',
        b'{"error": {"message": "in a 200"}}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_reply_without_a_completion_is_an_invalid_response(body):
    with pytest.raises(InvalidResponse):
        read_completion(body)


def test_a_list_of_models_is_read_without_those_that_are_off():
    entries = [{"id": "a"}, {"id": "b", "active": True}, {"id": "c", "active": False}]
    entries += [{"id": "d", "active": None}, {"id": None}, {}, "e", None]
    assert read_model_ids(json.dumps({"data": entries}).encode()) == {"a", "b", "d"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": null}', b'{"data": {}}'])
def test_a_reply_without_a_list_of_models_is_an_invalid_response(body):
    with pytest.raises(InvalidResponse):
        read_model_ids(body)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"error": {"message": "m", "code": "c", "type": "t"}}, ErrorBody("m", "c", "t")),
        ({"error": {"message": "m", "code": 404, "type": None}}, ErrorBody("m", "404", "")),
        ({"error": "m"}, ErrorBody("m")),
        ({"error": None, "message": "m"}, ErrorBody("m")),
        ({"message": "m", "code": 400, "type": "t"}, ErrorBody("m", "400", "t")),
        ({"object": "error", "message": "m", "code": 1}, ErrorBody("m", "1")),
        ({"detail": "m"}, ErrorBody("m")),
        ({"detail": [{"msg": "m"}, {"msg": "n"}, 1]}, ErrorBody("m; n")),
        ({"error": {"detail": "m"}}, ErrorBody("m")),
        ({"error": 5}, ErrorBody()),
        ([{"error": {"message": "m", "code": 400, "status": "S"}}], ErrorBody("m", "400", "S")),
        ({"errors": [{"message": "m", "code": 1}], "messages": []}, ErrorBody("m", "1")),
        ({"errors": ["m"]}, ErrorBody("m")),
        ({"error": "m", "code": "c"}, ErrorBody("m", "c")),
        ({"title": "t", "detail": "m"}, ErrorBody("m")),
        ({}, ErrorBody()),
        ([], ErrorBody()),
        ("m", ErrorBody()),
    ],
)
def test_an_error_body_is_read_in_each_of_its_shapes(body, read):
    assert read_error(json.dumps(body).encode()) == read


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"{", b"\xff"])
def test_an_error_body_that_says_nothing_is_empty(body):
    assert read_error(body) == ErrorBody()


def test_a_providers_text_is_not_in_the_representation_of_what_was_read():
    assert "sk-secret" not in repr(ErrorBody("the key sk-secret is wrong", "c", "t"))


@PATIENT
@given(COMPLETIONS | JSON)
def test_no_completion_raises_anything_but_our_errors(body):
    try:
        answer = read_completion(json.dumps(body).encode())
    except ProviderError:
        return
    assert isinstance(answer.text, str)
    assert answer.text.strip()


@PATIENT
@given(LISTS | JSON)
def test_no_list_of_models_raises_anything_but_our_errors(body):
    try:
        names = read_model_ids(json.dumps(body).encode())
    except ProviderError:
        return
    assert all(isinstance(name, str) and name for name in names)


@PATIENT
@given(ERRORS | JSON)
def test_no_error_body_raises_anything(body):
    assert isinstance(read_error(json.dumps(body).encode()).message, str)


@PATIENT
@given(st.binary())
def test_no_bytes_raise_anything_but_our_errors(content):
    read_error(content)
    for read in (read_completion, read_model_ids):
        with pytest.raises(ProviderError):
            read(content)
