"""Run the molecule scenarios: first those that need nothing, then, with a Docker engine, those that start containers.

python scripts/run_molecule.py [NAME ...] [-- OPTION ...]    NAME: a scenario, all without; OPTION: passed to molecule
WITHOUT_DOCKER=1    leave out the scenarios that need an engine, and say so at the end
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from docker_engine import EngineError, end_politely, engine

ROOT = Path(__file__).resolve().parents[1]


def split_arguments(arguments: Sequence[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of scenarios, all known ones if none is given, and the options for molecule."""
    options = [argument for argument in arguments if argument not in known and argument != "--"]
    return [name for name in known if name in arguments] or list(known), options


def find_scenarios(folder: Path) -> dict[str, bool]:
    """Every scenario, and whether it starts containers: those are its platforms."""
    files = sorted(folder.glob("*/molecule.yml"))
    return {file.parent.name: bool(yaml.safe_load(file.read_text(encoding="utf-8")).get("platforms")) for file in files}


def run_scenarios(names: Sequence[str], options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run scenarios from beginning to end; molecule's return code."""
    chosen = [argument for name in names for argument in ("--scenario-name", name)]
    command = ["molecule", "test", "--no-command-borders", *chosen, *options]
    return subprocess.run(command, env=dict(environment), check=False).returncode


def run_in_containers(names: Sequence[str], options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run scenarios that need an engine, or say why not."""
    if environment.get("WITHOUT_DOCKER"):
        print(f"LEFT OUT, because WITHOUT_DOCKER is set: {', '.join(names)}", file=sys.stderr)
        return 0
    try:
        with engine() as endpoint:
            return run_scenarios(names, options, {**environment, "DOCKER_HOST": endpoint})
    except EngineError as error:
        print(
            f"{error}\nThe scenarios {', '.join(names)} need a Docker engine. Start one, or become root on Debian, or "
            "set WITHOUT_DOCKER=1 to leave them out.",
            file=sys.stderr,
        )
        return 1


def main() -> int:
    """Run what the arguments name; the first return code that is not 0."""
    signal.signal(signal.SIGTERM, end_politely)
    scenarios = find_scenarios(ROOT / "molecule")
    names, options = split_arguments(sys.argv[1:], list(scenarios))
    plain = [name for name in names if not scenarios[name]]
    contained = [name for name in names if scenarios[name]]
    code = run_scenarios(plain, options, os.environ) if plain else 0
    if code == 0 and contained:
        code = run_in_containers(contained, options, os.environ)
    return code


if __name__ == "__main__":
    sys.exit(main())
