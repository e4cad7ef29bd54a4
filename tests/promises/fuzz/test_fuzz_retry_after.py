"""Any `Retry-After` header gives a bearable wait or none."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from hypothesis import strategies as st

from coro_core.kit.http import requested_wait
from support.fuzz import fuzz

_DATE_PARTS = (
    "Sun, Sunday, 06 Nov nov 1994 94 08:49:37 8:49 08.49.37 GMT +0000 -9999 +99999999 Z EST"
    " 24:60:61 99 -06 06-Nov-94 , : 0 00:00:00 Feb 31 29 1900 0000 10000 99999999999 \0 \u0661 ()"
)
DATE_LIKE = st.lists(st.sampled_from(_DATE_PARTS.split()), max_size=8).map(" ".join)
NUMBER_LIKE = (
    st.integers().map(str)
    | st.floats().map(str)
    | st.from_regex(r"\s*[+-]?[\d_]{0,12}[.,e]?\d{0,12}\s*", fullmatch=True)
)
NOW = datetime.now(UTC)


@fuzz(value=st.none() | st.text() | NUMBER_LIKE | DATE_LIKE)
def test_a_wait_is_bearable_or_none(value: str | None) -> None:
    wait = requested_wait({} if value is None else {"retry-after": value})
    assert wait is None or (type(wait) is float and 0 <= wait <= 86_400)


@fuzz(seconds=st.integers(0, 10**9 - 1), fraction=st.integers(0, 999))
def test_seconds_are_taken_as_they_are_or_cut(seconds: int, fraction: int) -> None:
    assert requested_wait({"retry-after": f" {seconds}.{fraction:03} "}) == min(
        float(f"{seconds}.{fraction:03}"), 86_400
    )


@fuzz(ahead=st.timedeltas(timedelta(days=-9999), timedelta(days=9999)), offset=st.integers(-23, 23))
def test_a_date_is_the_time_until_then(ahead: timedelta, offset: int) -> None:
    date = NOW + ahead
    local = date.astimezone(tz=_zone(offset))
    wait = requested_wait({"retry-after": format_datetime(local)})
    # The header has whole seconds, and some go by before it is read.
    if ahead.total_seconds() < 0:
        assert wait is None
    elif ahead.total_seconds() > 86_400:
        assert wait is not None
        assert wait > 86_000
    else:
        assert wait is None or 0 < wait <= 86_400


def _zone(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))
