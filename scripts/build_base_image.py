"""The image of a bare Debian server with systemd that the scenarios install on. Prints its name.

From an image of Debian where a registry answers, else from Debian's packages by mmdebstrap. Built once for each recipe:
the name contains a digest of all that goes in.

python scripts/build_base_image.py
TIMESCALEDB_TEST_BASE_IMAGE=registry.example/debian:trixie    another image of Debian to begin with; "" for mmdebstrap
TIMESCALEDB_TEST_DEBIAN_MIRROR=http://mirror.example/debian   another mirror for mmdebstrap
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import docker
from debian_packages import InstallError, install_packages
from docker.errors import DockerException, ImageNotFound

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / ".config" / "molecule" / "debian"
RELEASE = "trixie"
REPOSITORY = "aetherlens-timescaledb/debian"
REGISTRY_SECONDS = 15
STARTS_SYSTEMD = ["--change", 'CMD ["/sbin/init"]']


class BuildError(Exception):
    """The image could not be built, for the reason in the message."""


def say(text: str) -> None:
    """Tell what is being done; standard output is for the image's name."""
    print(f"image: {text}", file=sys.stderr, flush=True)


def name_image(recipe: Path, origin: str) -> str:
    """The image's name: it changes with every file of the recipe, and with what the image is made from."""
    digest = hashlib.sha256(f"{RELEASE}\0{origin}".encode())
    for path in sorted(recipe.iterdir()):
        digest.update(b"\0".join([b"", path.name.encode(), path.read_bytes()]))
    return f"{REPOSITORY}:{RELEASE}-{digest.hexdigest()[:12]}"


def run(*command: str) -> None:
    """Run a program; BuildError with the end of what it said if it fails."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"{command[0]} failed:\n{(result.stdout + result.stderr)[-3000:]}")


def pull(image: str) -> bool:
    """Fetch an image if a registry answers within seconds; what is there already needs no registry."""
    quick = docker.from_env(timeout=REGISTRY_SECONDS)
    try:
        quick.images.get(image)
    except ImageNotFound:
        try:
            quick.images.get_registry_data(image)
            say(f"pulling {image}")
            docker.from_env(timeout=600).images.pull(image)
        except (DockerException, OSError) as error:
            say(f"no registry gives {image}: {str(error).splitlines()[0]}")
            return False
    return True


def build_on(base: str, name: str) -> None:
    """Add to an image of Debian what makes it a server."""
    say(f"building {name} on {base}")
    run("docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", name, str(RECIPE))


def bootstrap(name: str, mirror: str) -> None:
    """Install Debian from its packages into a tree and import that."""
    if not shutil.which("mmdebstrap"):
        install_packages("mmdebstrap", say=say)
    say(f"building {name} from Debian's packages with mmdebstrap")
    packages = ",".join((RECIPE / "packages.txt").read_text(encoding="ascii").split())
    with tempfile.TemporaryDirectory() as folder:
        tree = f"{folder}/tree.tar"
        hook = f"--customize-hook=chroot \"$1\" sh < '{RECIPE}/configure.sh'"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", hook, RELEASE, tree]
        run(*command, *([mirror] if mirror else []))
        run("docker", "import", *STARTS_SYSTEMD, tree, name)


def find_or_build(environment: Mapping[str, str]) -> str:
    """The name of the image, which is there when this returns."""
    base = environment.get("TIMESCALEDB_TEST_BASE_IMAGE", f"debian:{RELEASE}-slim")
    mirror = environment.get("TIMESCALEDB_TEST_DEBIAN_MIRROR", "")
    names = {origin: name_image(RECIPE, origin) for origin in (base, mirror)}
    client = docker.from_env()
    for name in names.values():
        if client.images.list(name=name):
            say(f"using {name}, which is there already")
            return name
    if base and pull(base):
        build_on(base, names[base])
        return names[base]
    bootstrap(names[mirror], mirror)
    return names[mirror]


def main() -> int:
    """Print the name of the image."""
    try:
        print(find_or_build(os.environ))
    except (BuildError, InstallError, DockerException) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
