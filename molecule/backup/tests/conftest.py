"""What the checks look at: as in the scenario default. What says nothing else is checked once, before the restore."""

from __future__ import annotations

import pytest

pytest_plugins = ["scenario", "host"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Checks belong to the first phase unless they name another."""
    for item in items:
        if item.get_closest_marker("phase") is None:
            item.add_marker(pytest.mark.phase("declared"))
