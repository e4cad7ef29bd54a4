"""The tree of errors: what each leaf is called on the wire, what it says, and what it keeps out."""

import inspect
import math
import re
from typing import Any

import pytest

import coro_core
from coro_core import CoroError, NotConfigured, ProviderError, RateLimited, SettingsError
from coro_core.contract import errors
from coro_core.contract.errors import ERROR_CODES, MAX_RETRY_AFTER, bearable_wait, describe

LEAVES = {
    "NotConfigured": ("not_configured", False),
    "AuthenticationFailed": ("authentication_failed", False),
    "RateLimited": ("rate_limited", True),
    "QuotaExhausted": ("quota_exhausted", False),
    "ModelUnavailable": ("model_unavailable", False),
    "BadRequest": ("bad_request", False),
    "TooLarge": ("too_large", False),
    "ContentBlocked": ("content_blocked", False),
    "EmptyResponse": ("empty_response", False),
    "InvalidResponse": ("invalid_response", False),
    "Timeout": ("timeout", False),
    "ConnectionFailed": ("connection_failed", True),
    "Overloaded": ("overloaded", True),
    "UpstreamError": ("upstream_error", True),
    "PluginFault": ("plugin_fault", False),
}
USUAL = [name for name in LEAVES if name != "NotConfigured"]


def leaf(name: str, *arguments: Any, **options: Any) -> ProviderError:
    error = getattr(coro_core, name)(*arguments, **options)
    assert isinstance(error, ProviderError)
    error.provider, error.model = "Acme", "acme-1"
    return error


def test_the_codes_are_a_closed_set_in_the_order_of_the_tree() -> None:
    assert tuple(code for code, _ in LEAVES.values()) == ERROR_CODES


@pytest.mark.parametrize("name", LEAVES)
def test_every_leaf_is_exported_with_its_code_in_snake_case(name: str) -> None:
    kind = getattr(coro_core, name)
    assert name in coro_core.__all__
    assert kind is getattr(errors, name)
    assert kind.__bases__ == (ProviderError,)
    assert kind.code == LEAVES[name][0]
    assert kind.code == re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    assert kind.may_retry is LEAVES[name][1]
    assert kind.__doc__


def test_both_branches_are_errors_of_coro() -> None:
    assert SettingsError.__bases__ == ProviderError.__bases__ == (CoroError,)
    assert CoroError.__bases__ == (Exception,)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    doc = inspect.getdoc(errors) or ""
    drawn = re.findall(r"^ {8}[├└]── (\w+) +([a-z_]+) +\S", doc, re.MULTILINE)
    assert drawn == [(name, code) for name, (code, _) in LEAVES.items()]
    branches = re.findall(r"^ {4}[├└]── (\w+)", doc, re.MULTILINE)
    assert branches == ["SettingsError", "ProviderError"]


@pytest.mark.parametrize("name", USUAL)
def test_every_sentence_says_who_and_ends_like_one(name: str) -> None:
    error = leaf(name)
    assert "Acme" in error.message
    assert error.message.endswith(".")
    assert re.match(r"[A-Z{]", error.sentence)
    assert not re.search(r"[{}\n]", error.message)
    assert ("acme-1" in error.message) is ("{model}" in error.sentence)
    assert str(error) == error.message


@pytest.mark.parametrize("name", USUAL)
def test_the_plugins_own_words_come_behind_the_sentence(name: str) -> None:
    plain = leaf(name).message
    assert leaf(name, "Check {ACME} at 100 %.").message == f"{plain} Check {{ACME}} at 100 %."


@pytest.mark.parametrize("name", USUAL)
def test_a_sentence_can_be_read_before_the_core_has_filled_it_in(name: str) -> None:
    message = getattr(coro_core, name)().message
    assert "provider" in message
    assert "{" not in message


def test_braces_in_names_are_not_filled_in() -> None:
    error = leaf("ModelUnavailable")
    error.provider, error.model = "{model}", "{0}{x.__class__}"
    assert error.message == "{model} does not serve {0}{x.__class__} to this account."


@pytest.mark.parametrize(
    ("wait", "sentence"),
    [
        (None, "Rate limit exceeded at Acme; try again a little later."),
        (0, "Rate limit exceeded at Acme; try again in 0 s."),
        (0.01, "Rate limit exceeded at Acme; try again in 1 s."),
        (16.2, "Rate limit exceeded at Acme; try again in 17 s."),
        (17, "Rate limit exceeded at Acme; try again in 17 s."),
        (math.inf, "Rate limit exceeded at Acme; try again a little later."),
    ],
)
def test_a_rate_limit_names_the_wait_rounded_up(wait: float | None, sentence: str) -> None:
    assert leaf("RateLimited", retry_after=wait).message == sentence


def test_a_rate_limit_with_a_wait_keeps_the_plugins_own_words() -> None:
    error = leaf("RateLimited", "Free accounts have 30 requests a minute.", retry_after=2)
    assert error.message == (
        "Rate limit exceeded at Acme; try again in 2 s. Free accounts have 30 requests a minute."
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        (0, 0.0),
        (0.0, 0.0),
        (0.5, 0.5),
        (17, 17.0),
        (MAX_RETRY_AFTER, MAX_RETRY_AFTER),
        (MAX_RETRY_AFTER + 1, MAX_RETRY_AFTER),
        (1e300, MAX_RETRY_AFTER),
        (10**400, MAX_RETRY_AFTER),
        (-0.001, None),
        (-1, None),
        (-(10**400), None),
        (math.nan, None),
        (-math.nan, None),
        (math.inf, None),
        (-math.inf, None),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_a_wait_is_at_most_a_day_and_what_is_none_counts_as_not_given(
    given: float | None, kept: float | None
) -> None:
    assert bearable_wait(given) == kept
    error = RateLimited(retry_after=given)
    assert error.retry_after == kept
    assert kept is None or type(error.retry_after) is float


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("said", [None, True, False])
def test_a_plugin_may_know_better_whether_to_try_again(name: str, said: bool | None) -> None:
    expected = LEAVES[name][1] if said is None else said
    assert leaf(name, retryable=said).retryable is expected


def test_not_configured_says_what_is_missing_and_where_to_get_it() -> None:
    error = leaf("NotConfigured", "ACME_API_KEY", help="get one at https://acme.example/keys")
    assert error.message == "ACME_API_KEY is not set; get one at https://acme.example/keys."
    assert str(error) == error.message
    assert error.retryable is False
    assert error.retry_after is None


def test_not_configured_says_another_problem_and_ends_with_one_full_stop() -> None:
    error = NotConfigured("ACME_API_KEY", problem="is set but blank", help="ask Acme.")
    assert error.message == "ACME_API_KEY is set but blank; ask Acme."
    assert (error.setting, error.problem) == ("ACME_API_KEY", "is set but blank")


# --- describe


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def raised(exc: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise exc from cause
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    "exc",
    [
        ValueError("canary"),
        KeyError("canary"),
        SystemExit("canary"),
        UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"),
        BaseExceptionGroup("canary", [ValueError("canary"), SystemExit("canary")]),
        UnprintableError("canary"),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_an_exception_is_described_by_class_and_place_without_its_text(exc: BaseException) -> None:
    caught = raised(exc, cause=ValueError("canary"))
    caught.add_note("canary")
    described = describe(caught)
    assert re.fullmatch(rf"{type(exc).__name__} at test_errors\.py:\d+ in raised", described)


def test_an_exception_that_was_never_raised_is_described_by_its_class() -> None:
    assert describe(ValueError("canary")) == "ValueError"


def test_the_place_is_where_it_was_raised_and_without_the_folder() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        raised_inside()
    assert re.fullmatch(r"ValueError at test_errors\.py:\d+ in innermost", describe(caught.value))


def raised_inside() -> None:
    def innermost() -> None:
        int("canary")

    innermost()
