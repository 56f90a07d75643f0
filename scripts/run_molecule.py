"""Run the molecule scenarios, two at a time: those that need nothing and, with a Docker engine, those with containers.

python scripts/run_molecule.py [NAME ...] [-- OPTION ...]    NAME: a scenario, or all; OPTION: passed to molecule
                    without a name: those that every change has to pass; at the end it says which were not run
WITHOUT_DOCKER=1    leave out the scenarios that need an engine, and say so at the end
MOLECULE_LANES=1    how many scenarios run at a time; what one says is printed when it ends
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from build_base_image import BuildError, find_or_build
from docker_engine import EngineError, end_politely, engine

ROOT = Path(__file__).resolve().parents[1]
LANES = 2
# They would make every run much longer; run them after changing what they are about, and before a release.
ON_REQUEST = ("container", "docker_host", "pooler")
EVERYTHING = "all"


def split_arguments(arguments: Sequence[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of scenarios, those that run without being named if none is, and the options for molecule."""
    options = [argument for argument in arguments if argument not in (*known, EVERYTHING, "--")]
    named = [name for name in known if name in arguments or EVERYTHING in arguments]
    return named or [name for name in known if name not in ON_REQUEST], options


def find_scenarios(folder: Path) -> dict[str, bool]:
    """Every scenario, the longest first, and whether it starts containers: those are its platforms."""
    contents = {
        file.parent.name: yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*/molecule.yml"))
    }
    ordered = sorted(contents, key=lambda name: -len((contents[name].get("scenario") or {}).get("test_sequence", [])))
    return {name: bool(contents[name].get("platforms")) for name in ordered}


def run_scenarios(names: Sequence[str], options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run whole scenarios, as many at a time as there are lanes; the first return code that is not 0."""
    lanes = min(len(names), int(environment.get("MOLECULE_LANES") or LANES))
    if lanes <= 1:
        one_by_one = (
            subprocess.run(command_for(name, options), env=dict(environment), check=False).returncode for name in names
        )
        return next((code for code in one_by_one if code), 0)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    codes: list[int] = []
    threads = [threading.Thread(target=run_lane, args=(waiting, options, environment, codes)) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next((code for code in codes if code), 0)


def command_for(name: str, options: Sequence[str]) -> list[str]:
    """What runs one scenario."""
    return ["molecule", "test", "--no-command-borders", "--scenario-name", name, *options]


def run_lane(
    waiting: queue.SimpleQueue[str], options: Sequence[str], environment: Mapping[str, str], codes: list[int]
) -> None:
    """Run one waiting scenario after the other; none is begun after any has failed."""
    while not any(codes):
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        began = time.monotonic()
        print(f"=== molecule {name} begins", flush=True)
        with tempfile.TemporaryFile() as said:
            code = subprocess.run(
                command_for(name, options), env=dict(environment), stdout=said, stderr=subprocess.STDOUT, check=False
            ).returncode
            codes.append(code)
            said.seek(0)
            verdict = "passed" if code == 0 else f"FAILED with code {code}"
            text = said.read().decode("utf-8", "replace")
        print(f"{text}\n=== molecule {name} {verdict} after {time.monotonic() - began:.0f} s", flush=True)


def run_in_containers(names: Sequence[str], options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run scenarios of which some need an engine, or say why not."""
    try:
        with engine() as endpoint:
            with_engine = {**environment, "DOCKER_HOST": endpoint}
            os.environ["DOCKER_HOST"] = endpoint
            find_or_build(with_engine)  # once, before two scenarios do it at the same time
            return run_scenarios(names, options, with_engine)
    except (EngineError, BuildError) as error:
        print(
            f"{error}\nThe scenarios {', '.join(names)} need a Docker engine. Start one, or become root on Debian, or "
            "set WITHOUT_DOCKER=1 to leave out those that start containers.",
            file=sys.stderr,
        )
        return 1


def main() -> int:
    """Run what the arguments name; the first return code that is not 0."""
    signal.signal(signal.SIGTERM, end_politely)
    scenarios = find_scenarios(ROOT / "molecule")
    names, options = split_arguments(sys.argv[1:], list(scenarios))
    contained = [name for name in names if scenarios[name]]
    if contained and not os.environ.get("WITHOUT_DOCKER"):
        code = run_in_containers(names, options, os.environ)
    else:
        code = run_scenarios([name for name in names if not scenarios[name]], options, os.environ)
        if contained:
            print(f"LEFT OUT, because WITHOUT_DOCKER is set: {', '.join(contained)}", file=sys.stderr)
    if not set(names) & set(ON_REQUEST):
        print(f'NOT RUN, they run when they are named: make molecule ARGS="{" ".join(ON_REQUEST)}"', file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
