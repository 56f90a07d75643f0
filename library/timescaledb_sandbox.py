#!/usr/bin/python
# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: timescaledb_sandbox
short_description: Start, stop or erase an embedded TimescaleDB
version_added: 0.1.0
description:
  - Runs TimescaleDB compiled to WebAssembly (PGlite) on the loopback address, for development and tests. It needs no
    root, no container and no service manager, and is nothing for production.
  - The server serves one connection at a time. Another client waits for O(queue_seconds), then is told who holds it.
  - Everything of a sandbox lies in O(directory).
  - Node.js of the machine is used when it is 18 or newer and has npm, else Node.js is installed from PyPI into the
    virtual environment of the Python that runs the module. The server's packages are installed by C(npm ci).
author:
  - the aetherlens-timescaledb authors (@aetherlens)
attributes:
  check_mode:
    description: Says what would be done and does nothing. Whatever is known to prevent it fails here too.
    support: full
  diff_mode:
    description: Shows the state and settings of the server before and after.
    support: full
options:
  state:
    description:
      - With V(started) a server runs with exactly these settings and has answered; one with other settings, or of an
        older program, is started anew.
      - With V(stopped) none runs; the data stays.
      - With V(absent) none runs and O(directory) is gone, with all data.
    type: str
    choices: [started, stopped, absent]
    default: started
  directory:
    description:
      - The folder of this sandbox. It is made and marked as such by a file C(SANDBOX); a folder without that mark is
        never used nor erased, unless it is empty.
    type: path
    required: true
  source:
    description: The folder with the server's program and C(package-lock.json). Needed for O(state=started).
    type: path
  node_requirements:
    description: A requirements file that pins Node.js on PyPI, with hashes. Needed for O(state=started).
    type: path
  port:
    description: The TCP port on 127.0.0.1.
    type: int
    default: 54320
  database:
    description: The one database that is served. It is created when it does not exist.
    type: str
    default: aetherlens
  queue_seconds:
    description: How long a client waits for its turn while another one is connected.
    type: float
    default: 10.0
"""

EXAMPLES = r"""
- name: Run a sandbox
  timescaledb_sandbox:
    directory: /home/ada/aetherlens/.sandbox
    source: /home/ada/aetherlens/roles/timescaledb_sandbox/files
    node_requirements: /home/ada/aetherlens/requirements-node.txt
    port: 54320

- name: Erase it, with all its data
  timescaledb_sandbox:
    directory: /home/ada/aetherlens/.sandbox
    state: absent
"""

RETURN = r"""
reachable:
  description: Whether the database can be reached now, at RV(host), RV(port) and RV(database). In check mode this is
    the present state of affairs.
  returned: success
  type: bool
  sample: true
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample: [install the packages of the lock, start the server]
host:
  description: The address on which the server listens.
  returned: O(state=started)
  type: str
  sample: 127.0.0.1
port:
  description: The port on which the server listens.
  returned: O(state=started)
  type: int
  sample: 54320
database:
  description: The database that is served.
  returned: O(state=started)
  type: str
  sample: aetherlens
directory:
  description: The folder of the sandbox.
  returned: success
  type: str
  sample: /home/ada/aetherlens/.sandbox
log:
  description: The server's log.
  returned: success
  type: str
  sample: /home/ada/aetherlens/.sandbox/server.log
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.timescaledb_sandbox.runner import ARGUMENT_SPEC, REQUIRED_IF, run_module


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, required_if=REQUIRED_IF, supports_check_mode=True))


if __name__ == "__main__":
    main()
