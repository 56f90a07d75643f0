"""Make `ansible.module_utils.timescaledb` importable: tests import the core by the same name as modules do.

So it is with `timescaledb_backup`, the program that the role of this name installs.

Shared test helpers are imported from the root of the checkout: `from tests.unit.builders import hypertable`.
"""

import sys
from pathlib import Path

import ansible.module_utils

ROOT = Path(__file__).resolve().parents[1]

ansible.module_utils.__path__.append(str(ROOT / "module_utils"))
sys.path.append(str(ROOT / "roles" / "timescaledb_backup" / "files"))
