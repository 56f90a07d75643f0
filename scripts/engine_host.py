"""What a Docker engine needs of the machine and leaves behind on it, besides its own folders.

The engine gets a bridge of its own and three rules that let containers out through it, so that it neither needs nor
disturbs `docker0`, which other engines on the machine take for theirs. Afterwards all of that is taken away again.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

BRIDGE = "aetherlens0"
NETWORKS = [ipaddress.IPv4Network(f"10.213.{number}.0/24") for number in range(256)]
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class EngineHost:
    """The machine before an engine was started on it, and the network that the engine was given."""

    network: str
    forwarding: str
    cgroups: list[str]

    @classmethod
    def examine(cls) -> EngineHost:
        """The machine as it is, and a network that nothing on it uses."""
        return cls(
            network=str(choose_network(read_routes())),
            forwarding=FORWARDING.read_text(encoding="ascii").strip(),
            cgroups=sorted(map(str, list_cgroups())),
        )

    @classmethod
    def load(cls, path: Path) -> EngineHost:
        """What `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    def prepare(self, say: Callable[[str], None]) -> None:
        """Add the bridge, and let containers out; subprocess.CalledProcessError where the machine refuses."""
        say(f"adding the bridge {BRIDGE} with {self.network}, and iptables rules for it")
        gateway = next(ipaddress.IPv4Network(self.network).hosts())
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{gateway}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        for table, chain, rule in list_rules(self.network):
            run("iptables", "--wait", "--table", table, "--insert", chain, *rule)

    def restore(self, say: Callable[[str], None]) -> None:
        """Take away what `prepare` added and what an engine that has ended left behind; nothing else."""
        say(f"removing the bridge {BRIDGE} and its iptables rules")
        for table, chain, rule in list_rules(self.network):
            with suppress(subprocess.CalledProcessError, FileNotFoundError):  # not there: starting failed half way
                run("iptables", "--wait", "--table", table, "--delete", chain, *rule)
        with suppress(subprocess.CalledProcessError, FileNotFoundError):
            run("ip", "link", "delete", BRIDGE)
        if FORWARDING.read_text(encoding="ascii").strip() != self.forwarding:
            say(f"setting net.ipv4.ip_forward back to {self.forwarding}")
            FORWARDING.write_text(f"{self.forwarding}\n", encoding="ascii")
        if not Path("/run/systemd/system").is_dir():  # systemd itself removes groups that have become empty
            remove_empty_cgroups(set(list_cgroups()) - set(map(Path, self.cgroups)))


def run(*command: str) -> None:
    """Run a program; subprocess.CalledProcessError with its words if it fails."""
    subprocess.run(command, check=True, capture_output=True, text=True)


def list_rules(network: str) -> list[tuple[str, str, list[str]]]:
    """Table, chain and rule: containers reach the world under the machine's address, whatever the policy is."""
    return [
        ("nat", "POSTROUTING", ["--source", network, "!", "--out-interface", BRIDGE, "--jump", "MASQUERADE"]),
        ("filter", "FORWARD", ["--in-interface", BRIDGE, "--jump", "ACCEPT"]),
        ("filter", "FORWARD", ["--out-interface", BRIDGE, "--jump", "ACCEPT"]),
    ]


def read_routes() -> list[str]:
    """The destinations of the machine's routes, such as `default` or 192.0.2.0/24."""
    output = subprocess.run(["ip", "-json", "-4", "route"], check=True, capture_output=True, text=True).stdout
    return [route["dst"] for route in json.loads(output or "[]")]


def choose_network(routes: Iterable[str]) -> ipaddress.IPv4Network:
    """The first of our networks that no route leads to; OSError when there is none."""
    taken = [ipaddress.IPv4Network(route) for route in routes if route != "default"]
    for network in NETWORKS:
        if not any(network.overlaps(other) for other in taken):
            return network
    raise OSError("every network of 10.213.0.0/16 is in use here, none is left for containers")


def list_cgroups() -> list[Path]:
    """The control groups right below the root of each hierarchy."""
    hierarchies = [path.parent for path in CGROUPS.glob("**/cgroup.procs") if len(path.relative_to(CGROUPS).parts) <= 2]
    unified = CGROUPS in hierarchies
    roots = [CGROUPS] if unified else [path for path in hierarchies if not path.is_symlink()]
    return [path for root in roots for path in root.glob("*") if path.is_dir()]


def remove_empty_cgroups(groups: Iterable[Path]) -> None:
    """Remove control groups in which no process is. The kernel keeps one with a process in it."""
    for group in groups:
        for path in sorted([group, *(path for path in group.rglob("*") if path.is_dir())], reverse=True):
            with suppress(OSError):
                path.rmdir()
