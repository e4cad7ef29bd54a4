"""Error mapping of statuses, and `Retry-After`, in every form that providers send."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coro_core.kit.http import error_for_status, requested_wait

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: no example fails for its time."""


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (100, "upstream_error", False),
        (204, "upstream_error", False),
        (304, "upstream_error", False),
        (307, "upstream_error", False),
        (400, "bad_request", False),
        (401, "authentication_failed", False),
        (402, "quota_exhausted", False),
        (403, "authentication_failed", False),
        (404, "model_unavailable", False),
        (405, "bad_request", False),
        (408, "timeout", True),
        (409, "overloaded", True),
        (413, "too_large", False),
        (418, "bad_request", False),
        (422, "bad_request", False),
        (424, "bad_request", False),
        (429, "rate_limited", True),
        (498, "overloaded", True),
        (499, "bad_request", False),
        (500, "upstream_error", True),
        (502, "upstream_error", True),
        (503, "overloaded", True),
        (504, "timeout", True),
        (529, "overloaded", True),
        (599, "upstream_error", True),
    ],
)
def test_a_status_stands_for_an_error(status, code, retryable):
    error = error_for_status(status, retry_after=7.0)
    assert (error.code, error.retryable) == (code, retryable)
    assert error.retry_after == (7.0 if retryable and status not in {500, 502, 599} else None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        ("2", 2.0),
        (" 2 ", 2.0),
        ("2.5", 2.5),
        ("300", 300.0),
        ("301", 301.0),
        ("999999999", 86_400.0),
        ("9" * 400, None),
        ("nan", None),
        ("inf", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1_0", None),
        (".5", None),
        ("5.", None),
        ("2,5", None),
        ("2 s", None),
        ("3m", None),
        ("\u0663", None),  # a digit, but not one of HTTP's
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
        ("Wed, 99 Oct 2030 07:28:00 GMT", None),
        ("Wed, 21 Oct", None),
        ("soon", None),
    ],
)
def test_a_retry_after_header_is_read_with_care(value, seconds):
    assert requested_wait({"retry-after": value}) == seconds


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_date_is_turned_into_seconds_wherever_the_server_stands(monkeypatch, form, zone):
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        value = (datetime.now(UTC) + timedelta(seconds=60)).strftime(form)
        seconds = requested_wait({"retry-after": value})
        assert seconds is not None
        assert 57 <= seconds <= 60
    finally:
        monkeypatch.undo()
        time.tzset()


@PATIENT
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{1,6} [\d:]{1,9} .{0,6}"))
def test_no_header_breaks_it(value):
    seconds = requested_wait({"retry-after": value})
    assert seconds is None or 0 <= seconds <= 86_400


@PATIENT
@given(st.datetimes(timezones=st.timezones()))
def test_no_date_breaks_it(date):
    seconds = requested_wait({"retry-after": format_datetime(date)})
    assert seconds is None or 0 <= seconds <= 86_400


@PATIENT
@given(st.integers())
def test_every_status_is_an_error(status):
    assert error_for_status(status).code
