"""Let PgBouncer read a configuration without serving anybody. Runs on the host as root.

On standard input, as JSON: `user` to run as, `configuration` and `rules` as text, `certificate` and `key` as paths.
What PgBouncer complains of is printed, and makes the exit code 1.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = "/usr/sbin/pgbouncer"
SECONDS = 20
# It has read everything when it finds that there is nowhere to listen on.
READ = "nowhere to listen on"
COMPLAINT = re.compile(r"^\S+ \S+ \S+ \[\d+\] (?:WARNING|ERROR|FATAL) (.*)$", re.MULTILINE)


def own_settings(folder: Path) -> str:
    """Settings that come last, and win: no address, no file of the running pooler."""
    changes = {
        "listen_addr": "",
        "unix_socket_dir": "",
        "pidfile": "",
        "logfile": "",
        "auth_file": folder / "userlist.txt",
        "auth_hba_file": folder / "hba.conf",
        "client_tls_cert_file": folder / "server.crt",
        "client_tls_key_file": folder / "server.key",
    }
    return "\n[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in changes.items())


def certificate_complaints(certificate: str, key: str) -> list[str]:
    """What keeps a certificate and a key from serving together: PgBouncer would only find out at work."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        return [f"certificate {certificate} and key {key} do not serve together ({error.strerror or error})"]
    return []


def complaints(asked: dict[str, str], folder: Path) -> list[str]:
    """What PgBouncer says of the configuration, as the user it will run as."""
    found = certificate_complaints(asked["certificate"], asked["key"])
    if found:
        return found
    shutil.copyfile(asked["certificate"], folder / "server.crt")
    shutil.copyfile(asked["key"], folder / "server.key")
    (folder / "userlist.txt").touch()
    (folder / "hba.conf").write_text(asked["rules"], encoding="utf-8")
    (folder / "pgbouncer.ini").write_text(asked["configuration"] + own_settings(folder), encoding="utf-8")
    user = pwd.getpwnam(asked["user"])
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    as_user = ["/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    result = subprocess.run(  # noqa: S603 - nothing of it is from elsewhere
        [*as_user, PROGRAM, folder / "pgbouncer.ini"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    found = [line.replace(f"{folder}/", "") for line in COMPLAINT.findall(result.stderr)]
    if READ not in found:
        return found or [f"nothing, with exit code {result.returncode}"]
    return [line for line in found if line != READ]


def main() -> int:
    """Print what is wrong, a line each."""
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as folder:
        found = complaints(json.load(sys.stdin), Path(folder))
    print("\n".join(found))  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
