"""Have a user of pgAdmin and the server registered for that user, as declared. Runs as pgAdmin's system user.

On standard input, as JSON: `email` and `password` of the user, `server` in the form of pgAdmin's own export, and
`passfile`, the text of what libpq reads passwords from. The last line says what was changed, or "as declared".
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

# Columns of pgAdmin's table of servers, by the names of its export.
COLUMNS = {
    "Host": "host",
    "Port": "port",
    "MaintenanceDB": "maintenance_db",
    "Username": "username",
    "ConnectionParameters": "connection_params",
}


def load_pgadmin() -> None:
    """Let this program import what pgAdmin's own programs do."""
    found = importlib.util.find_spec("pgadmin4")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pgAdmin is not installed here")
    sys.path.insert(0, next(iter(found.submodule_search_locations)))
    builtins.SERVER_MODE = None  # type: ignore[attr-defined]


def write(path: Path, text: str) -> bool:
    """Have a file with this text for this user alone; whether anything had to be done."""
    if path.exists() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == 0o600:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    return True


def prepare(asked: dict[str, Any]) -> list[str]:
    """Bring all of it to what is asked for; what was changed."""
    import config
    from flask_security.utils import hash_password, verify_password
    from pgadmin import create_app
    from pgadmin.model import Server, ServerGroup, User, db
    from pgadmin.utils import load_database_servers

    is_new = not Path(config.SQLITE_PATH).exists()
    # pgAdmin's own programs upgrade an older database; to make one where there is none is left to its service.
    app = create_app(config.APP_NAME + ("" if is_new else "-cli"))
    changed = ["database"] if is_new else []
    with app.test_request_context():
        user = User.query.filter_by(username=asked["email"], auth_source="internal").first()
        if user is None:
            raise SystemExit(f"pgAdmin has users, and none of them is {asked['email']}")
        if not verify_password(asked["password"], user.password):
            user.password = hash_password(asked["password"])
            user.locked, user.login_attempts = False, 0
            db.session.commit()
            changed.append("password")
        wanted = asked["server"]
        groups = [group.id for group in ServerGroup.query.filter_by(user_id=user.id, name=wanted["Group"])]
        known = Server.query.filter_by(user_id=user.id, name=wanted["Name"]).all()
        right = [
            server
            for server in known
            if server.servergroup_id in groups
            and all(getattr(server, column) == wanted[key] for key, column in COLUMNS.items())
        ]
        if len(known) != 1 or not right:
            for server in known:
                db.session.delete(server)
            db.session.commit()
            export = Path(config.DATA_DIR) / "servers.json"
            write(export, json.dumps({"Servers": {"1": wanted}}))
            load_database_servers(str(export), None, asked["email"], True)
            export.unlink()
            changed.append("server")
    folder = Path(config.STORAGE_DIR) / asked["email"].replace("@", "_")
    if write(folder / ".pgpass", asked["passfile"]):
        changed.append("passfile")
    return changed


def main() -> None:
    """Say what was changed."""
    os.umask(0o077)
    asked = json.load(sys.stdin)
    load_pgadmin()
    os.environ["PGADMIN_SETUP_EMAIL"] = asked["email"]
    os.environ["PGADMIN_SETUP_PASSWORD"] = asked["password"]
    changed = prepare(asked)
    print(", ".join(changed) or "as declared")  # noqa: T201


if __name__ == "__main__":
    main()
