"""How hypothesis looks for counterexamples: in the same places in every run.

`pytest --hypothesis-profile=explore` looks elsewhere, and at length.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("repeatable")
