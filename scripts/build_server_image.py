"""Images of a TimescaleDB server for the scenario that runs one in a container. Prints where they come from, as JSON.

The vendor's images where a registry answers; else images built from Debian's packages, with the Community edition from
a flat folder of your own where there is one. Built once for each recipe: the name contains a digest of it.

python scripts/build_server_image.py VERSION...    versions of TimescaleDB, the oldest first
TIMESCALEDB_MIRROR=/srv/packages                   another flat folder than /srv/timescaledb-apt
TIMESCALEDB_TEST_IMAGE=registry.example/timescaledb   another image than the vendor's; "" for none
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import docker
from build_base_image import BuildError, find_or_build, pull, run
from debian_packages import InstallError
from docker.errors import DockerException

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / ".config" / "molecule" / "server"
TUNING = ROOT / "filter_plugins" / "timescaledb_tuning.py"
REPOSITORY = "aetherlens-timescaledb/server"
VENDOR = "timescale/timescaledb"
MIRROR = "/srv/timescaledb-apt"
POSTGRESQL = 17
DISTRIBUTION = "2.19.3"  # what Debian 13 has


def say(text: str) -> None:
    """Tell what is being done; standard output is for the result."""
    print(f"image: {text}", file=sys.stderr, flush=True)


def recipe_files() -> dict[str, Path]:
    """What goes into the image besides packages, by name."""
    return {path.name: path for path in [*RECIPE.iterdir(), TUNING]}


def name_image(version: str, *origins: str) -> str:
    """The image's name: it changes with every file of the recipe, and with what the image is made from."""
    digest = hashlib.sha256("\0".join([version, *origins]).encode())
    for name, path in sorted(recipe_files().items()):
        digest.update(b"\0".join([b"", name.encode(), path.read_bytes()]))
    return f"{REPOSITORY}:{version}-pg{POSTGRESQL}-{digest.hexdigest()[:12]}"


def read_offers(index: str) -> dict[str, list[str]]:
    """Versions by package, from the index of a flat folder."""
    offers: dict[str, list[str]] = {}
    for stanza in index.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version): (.+)$", stanza, re.MULTILINE))
        if len(fields) == 2:
            offers.setdefault(fields["Package"], []).append(fields["Version"])
    return offers


def choose_packages(offers: Mapping[str, Sequence[str]], version: str) -> list[str]:
    """What to install for a version: the pinned ones, and older libraries, which the vendor's image has as well."""
    wanted = [f"timescaledb-2-loader-postgresql-{POSTGRESQL}", f"timescaledb-2-postgresql-{POSTGRESQL}"]
    pinned = {name: offer for name in wanted for offer in offers.get(name, []) if offer.startswith(f"{version}~")}
    if set(pinned) != set(wanted):
        raise BuildError(f"the folder of packages does not offer TimescaleDB {version} for PostgreSQL {POSTGRESQL}")
    pattern = re.compile(rf"timescaledb-2-(\d+(?:\.\d+)+)-postgresql-{POSTGRESQL}\Z")
    libraries = [name for name in offers if (match := pattern.match(name)) and is_older(match.group(1), version)]
    return [*(f"{name}={offer}" for name, offer in pinned.items()), *sorted(libraries)]


def is_older(one: str, other: str) -> bool:
    """Whether a version is older than another, or the same."""
    return [*map(int, one.split("."))] <= [*map(int, other.split("."))]


def build(name: str, base: str, packages: Iterable[str], folder: Path | None) -> None:
    """Build an image unless it is there."""
    if docker.from_env().images.list(name=name):
        say(f"using {name}, which is there already")
        return
    say(f"building {name} on {base}")
    with tempfile.TemporaryDirectory() as context:
        for file, path in recipe_files().items():
            shutil.copy(path, f"{context}/{file}")
        if folder:
            shutil.copytree(folder, f"{context}/packages")
        else:
            Path(context, "packages").mkdir()
        arguments = ["--build-arg", f"BASE={base}", "--build-arg", f"PACKAGES={' '.join(packages)}"]
        run("docker", "build", "--quiet", *arguments, "--tag", name, context)


def find_vendor(environment: Mapping[str, str], versions: Sequence[str]) -> dict[str, str]:
    """The vendor's images by version, or none."""
    repository = environment.get("TIMESCALEDB_TEST_IMAGE", VENDOR)
    images = {version: f"{repository}:{version}-pg{POSTGRESQL}" for version in versions}
    return images if repository and all(map(pull, images.values())) else {}


def find_or_build_servers(environment: Mapping[str, str], versions: Sequence[str]) -> dict[str, object]:
    """Where the images come from, and their names by version; they are there when this returns."""
    vendor = find_vendor(environment, versions)
    if vendor:
        return {"path": "vendor", "images": vendor}
    folder = Path(environment.get("TIMESCALEDB_MIRROR", MIRROR) or "/nonexistent")
    base = find_or_build(environment)
    index = folder / "Packages"
    if not index.exists():
        name = name_image(DISTRIBUTION, base)
        build(name, base, [f"postgresql-{POSTGRESQL}-timescaledb"], None)
        return {"path": "distribution", "images": {DISTRIBUTION: name}}
    text = index.read_text(encoding="utf-8")
    images = {}
    for version in versions:
        images[version] = name_image(version, base, text)
        build(images[version], base, choose_packages(read_offers(text), version), folder)
    return {"path": "mirror", "images": images}


def main() -> int:
    """Print where the images come from and what they are called."""
    versions = sys.argv[1:]
    if not versions or not all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions):
        print(f"VERSION: {' '.join(versions) or 'nothing'} was given; accepted are such as 2.29.2", file=sys.stderr)
        return 2
    try:
        print(json.dumps(find_or_build_servers(os.environ, versions)))
    except (BuildError, InstallError, DockerException) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
