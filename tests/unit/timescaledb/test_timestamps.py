"""Points in time: one form to compare, whatever was written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.module_utils.timescaledb.errors import DeclarationError
from ansible.module_utils.timescaledb.timestamps import parse_timestamp


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-01 03:00:00+00:00", "2026-01-01T03:00:00+00:00", "2026-01-01 03:00Z", "2026-01-01 03:00:00 UTC"),
        *(
            "2026-01-01 04:00:00+01",
            "2026-01-01 04:00:00+0100",
            "2025-12-31 22:00:00-05:00",
            "2026-01-01 03:00:00.000Z",
        ),
    ],
)
def test_one_moment_has_one_form(text: str) -> None:
    assert parse_timestamp(text, "x") == "2026-01-01T03:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-01", "2026-01-01 03:00:00", "tomorrow", "", "2026-13-01 03:00Z", "2026-02-30 03:00Z"),
        *("2026-01-01 24:00Z", "2026-01-01 03:00+99", "0001-01-01 00:00+14", "9999-12-31 23:00-14", "infinity"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_timestamp(text, "metrics.retention.initial_start")
    assert str(refused.value) == (
        f"metrics.retention.initial_start: {text!r} was given; "
        "accepted is a time with its offset, such as '2026-01-01 03:00:00+00:00'"
    )


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1)),  # a naive one, given its offset below
    st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
)
def test_the_form_is_its_own_form_and_the_same_moment(moment: datetime, zone: timezone) -> None:
    aware = moment.replace(tzinfo=zone)
    form = parse_timestamp(aware.isoformat(sep=" "), "x")
    assert datetime.fromisoformat(form) == aware
    assert parse_timestamp(form, "x") == form
