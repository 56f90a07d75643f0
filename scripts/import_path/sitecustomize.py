"""Let tools started with this folder on PYTHONPATH import `ansible.module_utils.timescaledb`, as Ansible does.

Without it ansible-lint cannot import the modules under library/ and then silently skips checking their options.
"""

from pathlib import Path

try:
    import ansible.module_utils as installed
except ImportError:  # a Python outside .venv inherited PYTHONPATH
    pass
else:
    installed.__path__.append(str(Path(__file__).resolve().parents[2] / "module_utils"))
