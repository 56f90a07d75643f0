"""What the checks look at: as in the scenario default, and its pooler from the controller, as a client."""

from __future__ import annotations

import pytest
from clients import address, console, login

__all__ = ["address", "console", "login"]

pytest_plugins = ["scenario", "host"]


@pytest.fixture(scope="session")
def pooler_port() -> int:
    """The pooler's port on its machine; the controller finds it elsewhere."""
    return 6432
