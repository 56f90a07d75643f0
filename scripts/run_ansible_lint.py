"""Run ansible-lint so that it checks the options of this project's own modules too.

It imports a module to learn its options, and skips that check without a word when the import fails. The modules import
`ansible.module_utils.timescaledb`, which only exists there because scripts/import_path/sitecustomize.py says so.
Arguments are passed on; tests/sanity/test_ansible_lint.py proves that a misspelt option is reported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

IMPORT_PATH = Path(__file__).resolve().parent / "import_path"

if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(IMPORT_PATH)
    colour = [] if sys.stdout.isatty() else ["--nocolor"]
    os.execvp("ansible-lint", ["ansible-lint", "--strict", *colour, *sys.argv[1:]])  # noqa: S606 - replaces this process
