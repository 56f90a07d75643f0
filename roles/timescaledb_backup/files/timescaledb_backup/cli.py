# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: arguments in, lines and exit codes out. What failed is one sentence on standard error."""

from __future__ import annotations

import argparse
import errno
import glob
import json
import os
import signal
import sys
from typing import Any, Callable, Dict, Optional, Sequence

from . import files
from .config import FOLDER, Config, load_config
from .crypt import SUFFIX, decrypt
from .drill import drill_backup
from .dump import GLOBALS
from .errors import BackupError, BusyError, DamageError, SpaceError, UsageError
from .identity import become
from .make import make_backup
from .notify import notify
from .prune import plan_pruning, prune
from .restore import Options, Target, restore_backup
from .shelf import LATEST, Backup, Shelf
from .status import read_status, write_status
from .swap_back import swap_back
from .verify import verify_backup

Arguments = argparse.Namespace
_UNITS = ("bytes", "kB", "MB", "GB")


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code, see `errors`."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    parsed = _parser().parse_args(arguments)
    try:
        config = load_config(_find_config(parsed))
        become(config)
        return _run(config, parsed)
    except BackupError as error:
        _tell(str(error))
        return error.code


def _run(config: Config, parsed: Arguments) -> int:
    """Run a command, and note in the status how it ended if it belongs to those that change something."""
    command: Callable[[Config, Arguments], None] = parsed.run
    try:
        if config.temporary_folder is not None:
            files.use_temporary_folder(config.temporary_folder)
        command(config, parsed)
    except (UsageError, BusyError):
        raise
    except (BackupError, OSError) as error:
        failure = error if isinstance(error, BackupError) else _explain(error)
        if parsed.noted:
            _note(config, parsed.command, str(failure))
        raise failure from error
    if parsed.noted:
        _note(config, parsed.command)
    return 0


def _note(config: Config, command: str, failure: Optional[str] = None) -> None:
    try:
        write_status(config, failure, command)
    except (BackupError, OSError) as error:
        _tell(f"The status could not be written: {error}")


def _explain(error: OSError) -> BackupError:
    where = f"{error.filename}: " if error.filename else ""
    kind = SpaceError if error.errno in (errno.ENOSPC, errno.EDQUOT) else BackupError
    return kind(f"{where}{error.strerror or error}.")


def _end(number: int, _frame: Any) -> None:
    raise BackupError(f"It was ended by {signal.Signals(number).name}.")


def _make(config: Config, _parsed: Arguments) -> None:
    made = make_backup(config, _tell)
    pruned = f", pruned {', '.join(made.pruned)}" if made.pruned else ""
    print(f"{made.name}: {_size(made.bytes)} in {made.seconds:.1f} s{pruned}")


def _list(config: Config, parsed: Arguments) -> None:
    backups = Shelf(config.folder, config.database).list_backups()
    kept = plan_pruning(config, backups)[0]
    rows = [_describe(backup, kept.get(backup.name, "goes with the next pruning")) for backup in backups]
    if parsed.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print("{name}  {size:>9}  {verdict:<13}  {kept}".format(size=_size(row["bytes"]), **row))


def _describe(backup: Backup, kept: str) -> Dict[str, Any]:
    manifest = backup.manifest
    verdict = "proven" if backup.proven else "failed" if backup.failed else "not proven"
    return {
        "name": backup.name,
        "verdict": verdict,
        "kept": kept,
        "bytes": manifest.bytes if manifest else 0,
        "finished": manifest.finished if manifest else None,
        "format": manifest.format if manifest else None,
        "problem": backup.problem or None,
    }


def _verify(config: Config, parsed: Arguments) -> None:
    backup = Shelf(config.folder, config.database).find(parsed.which)
    verify_backup(config, backup)
    print(f"{backup.name} is as it was made, to its last byte")


def _drill(config: Config, parsed: Arguments) -> None:
    verdict = drill_backup(config, parsed.which, _tell)
    print(verdict.summary())
    if not verdict.proven:
        raise DamageError(f"{verdict.name} failed its drill: {'; '.join(verdict.differences)}.")


def _restore(config: Config, parsed: Arguments) -> None:
    target = Target(database=parsed.as_database, confirmation=parsed.confirm)
    options = Options(hold_jobs=parsed.hold_jobs, jobs=parsed.jobs or config.jobs)
    print(restore_backup(config, parsed.which, target, options, _tell).text())


def _swap_back(config: Config, parsed: Arguments) -> None:
    print(swap_back(config, parsed.kept, parsed.confirm, _tell).text())


def _globals(config: Config, parsed: Arguments) -> None:
    backup = Shelf(config.folder, config.database).find(parsed.which)
    path = os.path.join(backup.path, GLOBALS)
    if os.path.exists(path + SUFFIX):
        sys.stdout.write(decrypt(path + SUFFIX, parsed.identity))
        return
    with open(path, encoding="utf-8") as file:
        sys.stdout.write(file.read())


def _prune(config: Config, parsed: Arguments) -> None:
    if parsed.dry_run:
        doomed = plan_pruning(config, Shelf(config.folder, config.database).list_backups())[1]
    else:
        with files.lock(config.lock_file, f"pruning backups of {config.database}"):
            Shelf(config.folder, config.database).sweep()
            doomed = prune(config)
    print("\n".join(doomed) if doomed else "nothing to prune")


def _status(config: Config, _parsed: Arguments) -> None:
    print(json.dumps(read_status(config), indent=1))


def _notify(config: Config, parsed: Arguments) -> None:
    print(notify(config, parsed.unit))


def _find_config(parsed: Arguments) -> str:
    if parsed.config:
        return str(parsed.config)
    if parsed.database:
        return os.path.join(FOLDER, f"{parsed.database}.json")
    found = sorted(glob.glob(os.path.join(FOLDER, "*.json")))
    if len(found) != 1:
        names = ", ".join(os.path.basename(path)[: -len(".json")] for path in found) or "none"
        raise UsageError(f"Name the database with --database NAME; {FOLDER} has {names}.")
    return found[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="timescaledb-backup", description="Backups that are known to be restorable.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", metavar="FILE", help="the configuration of one database's backups")
    where.add_argument("--database", metavar="NAME", help=f"the database; its configuration is {FOLDER}/NAME.json")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add(commands, "make", _make, "make a backup, verify it, copy it, prune", noted=True)
    listing = _add(commands, "list", _list, "say which backups there are")
    listing.add_argument("--json", action="store_true", help="as JSON")
    _which(_add(commands, "verify", _verify, "read a backup to its end and compare its digests"))
    _which(_add(commands, "drill", _drill, "restore a backup into a throw-away cluster and compare", noted=True))
    _add_restore(commands)
    swapping = _add(
        commands, "swap-back", _swap_back, "let a database serve again that a restore put aside", noted=True
    )
    swapping.add_argument("kept", metavar="KEPT", help="its present name, as the restore told it")
    swapping.add_argument("--confirm", metavar="DATABASE", help="the name it is to have, once more")
    printing = _add(commands, "globals", _globals, "print a backup's roles and tablespaces as SQL")
    _which(printing)
    printing.add_argument("--identity", metavar="FILE", type=os.path.abspath, help="the key, where they are encrypted")
    pruning = _add(commands, "prune", _prune, "delete what is not kept", noted=True)
    pruning.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    _add(commands, "status", _status, "print what monitoring reads")
    _add(commands, "notify", _notify, "tell of the failure of a unit").add_argument("unit", metavar="UNIT")
    return parser


def _add_restore(commands: Any) -> None:
    restoring = _add(commands, "restore", _restore, "bring a database back", noted=True)
    restoring.add_argument("which", metavar="WHICH", help="latest, proven-latest, or a name")
    target = restoring.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--as", dest="as_database", metavar="DATABASE", help="beside what there is, under this new name"
    )
    target.add_argument("--in-place", action="store_true", help="in the place of the database; asks for --confirm")
    restoring.add_argument("--confirm", metavar="DATABASE", help="the database's name, once more")
    restoring.add_argument("--hold-jobs", action="store_true", help="leave policies switched off afterwards")
    restoring.add_argument("--jobs", type=int, metavar="N", help="how many at once; as configured where not said")


def _add(commands: Any, name: str, run: Callable[[Config, Arguments], None], text: str, noted: bool = False) -> Any:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run, noted=noted)
    return parser


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", metavar="WHICH", nargs="?", default=LATEST, help="latest, proven-latest, or a name")


def _size(count: int) -> str:
    size = float(count)
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
