"""Hypothesis strategies for values, names, databases and declarations."""

from __future__ import annotations

from hypothesis import strategies as st

from ansible.module_utils.timescaledb.names import QualifiedName
from ansible.module_utils.timescaledb.values import DAY, Interval, OrderBy

# Letters, and everything that needs quotes somewhere.
_LETTERS = st.sampled_from(list("abcxyz_019") + list("AZé .\"'\\$;-%{}"))


def _fits(name: str) -> bool:
    return bool(name.strip()) and len(name.encode()) <= 63


raw_names = st.text(_LETTERS, min_size=1, max_size=12).filter(_fits)
column_names = st.sampled_from(["time", "bucket", "device_id", "kind", "Value", "odd name", 'quo"ted', "it's"])
schemas = st.sampled_from(["public", "app", "My App"])
qualified_names = st.builds(QualifiedName, schemas | raw_names, raw_names)


@st.composite
def intervals(draw: st.DrawFn, signed: bool = False, least: int = 0) -> Interval:
    """Intervals of at least `least` microseconds; with signed, of all signs and sizes."""
    if signed:
        months, days = draw(st.integers(-(2**31) + 1, 2**31 - 1)), draw(st.integers(-(2**31) + 1, 2**31 - 1))
        return Interval(months, days, draw(st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-2 * DAY, 2 * DAY)))
    months, days = draw(st.sampled_from([0, 0, 0, 1, 2, 12, 13])), draw(st.sampled_from([0, 0, 1, 7, 30, 90, 365]))
    clock = draw(st.sampled_from([0, 0, 1, 1000000, 3600 * 1000000, DAY, 36 * 3600 * 1000000 + 5]))
    found = Interval(months, days, clock)
    return found if found.total >= least else Interval(months, days, clock + least)


def orderings(columns: st.SearchStrategy[str] = column_names) -> st.SearchStrategy[OrderBy]:
    """Any column any way round."""
    return st.builds(OrderBy, columns, st.booleans(), st.booleans())
