# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpq and the server say when there is no connection to be had, and what to do about it.

The server gives no code to clients that are not logged in yet, so its words are all there is. Words in another language
than English are passed on as they are.
"""

from __future__ import annotations

import re
from typing import List, Tuple

# What is said, what it means, what to do. Addresses are tried one after the other, so what a server said comes before
# what was said because there was none.
_FAILURES: List[Tuple[str, str, str]] = [
    (
        r"password authentication failed for user.*",
        "the password is wrong, or the role does not exist or has none",
        "correct login_user and login_password; roles and passwords are set by the role timescaledb_database",
    ),
    (
        r"no password supplied",
        "the server asks for a password and none was given",
        "set login_password, from a vault or the environment",
    ),
    (
        r"(?:Peer|Ident) authentication failed for user.*",
        "on its socket the server knows people by their system user, and this one is not that role",
        "run the task as that system user (timescaledb_login_system_user), or log in over TCP with a password",
    ),
    (
        r'role ".*?" is not permitted to log in',
        "the role is a group",
        "log in as a role that may (LOGIN), and become the group with session_role",
    ),
    (
        r'role ".*?" does not exist',
        "there is no such role",
        "correct login_user, or create it (timescaledb_database_logins)",
    ),
    (
        r'database ".*?" does not exist',
        "there is no such database",
        "correct login_db, or create it (playbooks/create_database.yml)",
    ),
    (
        r'permission denied for database ".*?"',
        "the role may not connect to this database",
        "let its owner GRANT CONNECT, or declare the role in timescaledb_database_logins",
    ),
    (
        r"no pg_hba\.conf entry for .*?(?:no encryption|SSL off)",
        "the server's pg_hba.conf lets nobody in that comes from there without TLS",
        "set ssl_mode to require or verify-full, or add a rule (timescaledb_host_hba_rules)",
    ),
    (
        r"(?:no pg_hba\.conf entry for|pg_hba\.conf rejects connection for) .*",
        "the server's pg_hba.conf does not let this role in from there",
        "add a rule for it (timescaledb_host_hba_rules), or log in from another machine or as another role",
    ),
    (
        r"connection requires a valid client certificate|certificate authentication failed.*",
        "the server asks for a client's certificate",
        "set ssl_cert and ssl_key to one that its authority has signed for this role",
    ),
    (
        r"server does not support SSL, but SSL was required",
        "the server has no TLS, and ssl_mode asks for it",
        "switch TLS on there (timescaledb_host), or set ssl_mode to disable where the way to it is safe",
    ),
    (
        r'server certificate for .*? does not match host name ".*?"',
        "the server's certificate is for another name",
        "set login_host to a name that stands in the certificate",
    ),
    (
        r"certificate verify failed.*|self[- ]signed certificate.*",
        "the server's certificate is not signed by an authority that is trusted",
        "set ca_cert to the authority that has signed it",
    ),
    (
        r'root certificate file ".*?" does not exist',
        "ssl_mode asks for an authority to trust, and its file is not there",
        "set ca_cert to a file on the machine that runs this task",
    ),
    (
        r'(?:private key|certificate) file ".*?".*',
        "the client's certificate or its key cannot be used",
        "correct ssl_cert and ssl_key, and let nobody but its owner read the key (mode 0600)",
    ),
    (
        r"too many clients already|remaining connection slots are reserved.*|too many connections for.*",
        "the server takes no more connections",
        "close some, or raise max_connections",
    ),
    (
        r"the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)",
        "the server is busy with itself",
        "wait, and look into its log if it goes on",
    ),
    (
        r"could not translate host name.*|(?:failed to resolve|could not resolve) host.*|Name or service not known",
        "nobody knows a machine of that name",
        "correct login_host",
    ),
    (
        r"Connection refused",
        "nothing listens there",
        "start the server, or correct login_host and login_port",
    ),
    (
        r'socket ".*?" failed: (?:No such file or directory|Permission denied)',
        "there is no server's socket in that folder, or this user may not use it",
        "start the server, or correct login_unix_socket, login_port and timescaledb_login_system_user",
    ),
    (
        r"timeout expired|Connection timed out|No route to host|Network is unreachable",
        "nothing answers from there",
        "look for a firewall in between, or correct login_host and login_port",
    ),
    (
        r"server closed the connection unexpectedly|Connection reset by peer|received invalid response.*",
        "what listens there ended the conversation",
        "see whether it is a PostgreSQL server, and what its log says",
    ),
]


def explain_login(where: str, said: str) -> str:
    """Return one sentence: where nobody could log in, why, and what to do about it.

    where: the server, database and role in words; said: what the driver told
    """
    for pattern, meaning, remedy in _FAILURES:
        found = re.search(pattern, said)
        if found:
            return f"cannot log in to {where}: {meaning} ({found.group(0).strip()}); {remedy}"
    return f"cannot log in to {where}: {' '.join(said.split())}"
