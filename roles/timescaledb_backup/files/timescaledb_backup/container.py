# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's programs of a container's image, called like those of a host.

A folder of links to one script is what `bindir` says; each call becomes one of the engine. Clients run in the server's
own container and find it on its socket; a throw-away cluster runs in a container of its own, and takes nothing of the
server's memory. Folders of backups are at the same path everywhere, so paths mean the same everywhere.

The engine tells a program nothing of the end of whoever called it, and it would work on. So a small shell stands
between: it waits for the end of its standard input, which the caller's end brings about, however that comes. It leaves
no process of its own behind: the container's first one would inherit it, and where that is PostgreSQL itself, it takes
the end of any child that was ended by a signal for the crash of a backend, and starts all of them anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import List, Mapping, NamedTuple, Sequence

from .config import Config, Container, load_config
from .errors import BackupError
from .files import bound_to_this_process, write_atomically

PROGRAMS = ("psql", "pg_dump", "pg_dumpall", "pg_restore", "vacuumdb", "pg_isready")
CLUSTER_PROGRAMS = ("initdb", "postgres")  # for a cluster of its own
ENDING = {"postgres": "QUIT"}  # at once, as it is thrown away; the others end politely
OUT_OF_MEMORY = 500  # of all that run, this goes first

# Arguments: how to end it, how nice it is, which variables stay, and the program with its arguments.
_PREPARE = """
ending=$1 nice=$2 given=$3
shift 3
umask 077
for name in $(env | sed -n 's/^\\(PG[A-Z]*\\)=.*/\\1/p'); do
  case " $given " in *" $name "*) ;; *) unset "$name" ;; esac
done
"""
# It reads its input itself, and ends with it.
READ = _PREPARE + 'exec nice -n "$nice" "$@"\n'
WATCH = (
    _PREPARE
    + """
exec 3<&0
nice -n "$nice" "$@" < /dev/null 3<&- &
child=$!
(while read -r _; do :; done; kill -s "$ending" "$child") <&3 > /dev/null 2>&1 &
watch=$!
exec 3<&-
trap 'kill -s "$ending" "$child"' TERM QUIT INT
while :; do
  wait "$child"
  code=$?
  kill -s 0 "$child" 2> /dev/null || break
done
kill -s KILL "$watch" 2> /dev/null
wait "$watch" 2> /dev/null
exit "$code"
"""
)


class Caller(NamedTuple):
    """Who calls a program, and with what that it is to have as well."""

    uid: int
    gid: int
    nice: int
    environment: Mapping[str, str]


def call(path: str, called: Sequence[str]) -> None:
    """Become the call of a program; `called` is how the script was called, `path` the configuration."""
    try:
        config = load_config(path)
        command = _prepare(config, os.path.basename(called[0]), called[1:])
        _keep_input_open(os.path.basename(called[0]))
        os.execvpe(command[0], command, engine_environment(config))  # noqa: S606 - an argument list, no shell
    except BackupError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or 'docker'} cannot be run: {error.strerror}.")


def _prepare(config: Config, program: str, arguments: Sequence[str]) -> List[str]:
    container = container_of(config)
    caller = Caller(os.getuid(), os.getgid(), os.getpriority(os.PRIO_PROCESS, 0), os.environ)
    if program in PROGRAMS:
        return bound_to_this_process(exec_command(container, caller, program, arguments))
    if program not in CLUSTER_PROGRAMS:
        raise BackupError(f"{program} was called; accepted are {', '.join((*PROGRAMS, *CLUSTER_PROGRAMS))}.")
    image = _ask(config, "inspect", "--format", "{{.Image}}", container.name)
    # What a killed run has left, if the engine did not learn of its end.
    _ask(config, "rm", "--force", "--volumes", name_cluster(config), anyway=True)
    write_atomically(passwd_file(config), f"backup:x:{caller.uid}:{caller.gid}::/:/bin/false\n", 0o644)
    return bound_to_this_process(run_command(config, image, caller, program, arguments))


def container_of(config: Config) -> Container:
    """The container of the server. Raises BackupError where none is configured."""
    if config.container is None:
        raise BackupError(f"No container is configured for {config.database}.")
    return config.container


def exec_command(container: Container, caller: Caller, program: str, arguments: Sequence[str]) -> List[str]:
    """The call of a client in the server's container."""
    command = ["docker", "exec", "--interactive", f"--user={caller.uid}:{caller.gid}", *_variables(caller)]
    return [*command, container.name, *_shell(caller, program), *arguments]


def run_command(config: Config, image: str, caller: Caller, program: str, arguments: Sequence[str]) -> List[str]:
    """The call of a cluster's program in a container of its own, which may do next to nothing."""
    command = ["docker", "run", "--rm", "--interactive", f"--name={name_cluster(config)}", "--pull=never"]
    command += ["--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    command += ["--log-driver=none", f"--oom-score-adj={OUT_OF_MEMORY}", f"--user={caller.uid}:{caller.gid}"]
    # initdb insists that whoever calls it has a name.
    command += [f"--volume={passwd_file(config)}:/etc/passwd:ro"]
    folder = config.drill.folder or config.state_folder
    shell, *script = _shell(caller, program)
    command += [f"--volume={folder}:{folder}", *_variables(caller), f"--entrypoint={shell}"]
    return [*command, image, *script, *arguments]


def name_cluster(config: Config) -> str:
    """The container of a throw-away cluster; there is one at a time."""
    return f"{container_of(config).name}-drill-{config.database}"


def passwd_file(config: Config) -> str:
    """The list of users of that container."""
    return os.path.join(config.state_folder, "passwd")


def engine_environment(config: Config) -> Mapping[str, str]:
    """The environment of the engine's own program: nobody's settings for it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    return {**kept, "DOCKER_HOST": container_of(config).engine, "DOCKER_CONFIG": "/nonexistent"}


def _given(caller: Caller) -> List[str]:
    return sorted(name for name in caller.environment if name == "LC_MESSAGES" or name.startswith("PG"))


def _variables(caller: Caller) -> List[str]:
    """Their values stay out of the list of processes."""
    return [f"--env={name}" for name in _given(caller)]


def _shell(caller: Caller, program: str) -> List[str]:
    script = READ if program == "psql" else WATCH
    ending = ENDING.get(program, "TERM")
    return ["sh", "-c", script, "sh", ending, str(max(caller.nice, 0)), " ".join(_given(caller)), program]


def _keep_input_open(program: str) -> None:
    """Give a program that reads no input one that ends when its caller does: this process holds both its ends."""
    if program == "psql":
        return
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    os.dup2(reading, 0)


def _ask(config: Config, *arguments: str, anyway: bool = False) -> str:
    command = ["docker", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=engine_environment(config))  # noqa: S603 - an argument list, no shell
    if done.returncode and not anyway:
        raise BackupError(f"docker {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode().strip()
