"""Begin a database migration: the next number, a name, and a file in which to write it down.

python scripts/new_revision.py add_rooms     ->     files/migrations/versions/004_add_rooms.py
"""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

ROOT = Path(__file__).resolve().parents[1]
DIGITS = 3


def parse_name(text: str) -> str:
    """`text` as a part of a file name: add_rooms; ValueError when it is none."""
    name = re.sub(r"[\s-]+", "_", text.strip()).lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"'{text}' is no name for a revision; letters, digits and _ are accepted, a letter first")
    return name


def number_next(names: list[str]) -> str:
    """The number after the highest of `names`, with leading zeros so that names sort; ValueError when one is none."""
    odd = [name for name in names if not name.isdigit()]
    if odd:
        raise ValueError(f"revision {odd[0]} is not numbered, so nobody can say which number comes next")
    return str(max(map(int, names), default=0) + 1).zfill(DIGITS)


def create_revision(folder: Path, name: str) -> Path:
    """Write the next revision of the Alembic environment in `folder` and return its file."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    number = number_next([script.revision for script in ScriptDirectory.from_config(config).walk_revisions()])
    with redirect_stdout(StringIO()):
        command.revision(config, message=parse_name(name), rev_id=number)
    return next((folder / "versions").glob(f"{number}_*.py"))


def main() -> int:
    """Create one revision and print where it is."""
    parser = argparse.ArgumentParser(description="Begin a database migration.")
    parser.add_argument("name", help="what it does, such as add_rooms")
    parser.add_argument("--folder", type=Path, default=ROOT / "files" / "migrations", help="the Alembic environment")
    arguments = parser.parse_args()
    try:
        path = create_revision(arguments.folder, arguments.name)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
