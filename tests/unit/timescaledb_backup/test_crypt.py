"""Verifiers of passwords lie on the disk encrypted, or not at all; with the key they come back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from timescaledb_backup.crypt import decrypt, encrypt
from timescaledb_backup.errors import BackupError, RefusedError

AGE = """#!/bin/sh
case $1 in
--encrypt) while [ "$1" != --output ]; do shift; done; tr a-z n-za-m < "$3" > "$2";;
--decrypt) tr a-z n-za-m < "$4";;
esac
"""
SECRET = "CREATE ROLE owner PASSWORD 'verifier';\n"


@pytest.fixture
def age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of age."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "age"
    program.write_text(AGE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A file that is to be encrypted."""
    path = tmp_path / "globals.sql"
    path.write_text(SECRET)
    return path


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """The file with the private key."""
    path = tmp_path / "key.txt"
    path.write_text("AGE-SECRET-KEY-1\n")
    return path


@pytest.mark.usefixtures("age")
def test_the_plain_file_is_gone_and_nobody_else_reads_the_other(plain: Path, identity: Path) -> None:
    encrypted = Path(encrypt(str(plain), ["age1one", "age1two"]))
    assert encrypted.name == "globals.sql.age"
    assert encrypted.stat().st_mode & 0o777 == 0o600
    assert "verifier" not in encrypted.read_text()
    assert not plain.exists()
    assert decrypt(str(encrypted), str(identity)) == SECRET


def test_what_cannot_be_encrypted_stays(plain: Path, age: Path) -> None:
    age.write_text("#!/bin/sh\necho unknown recipient >&2; exit 1\n")
    with pytest.raises(BackupError, match="unknown recipient"):
        encrypt(str(plain), ["age1one"])
    assert plain.read_text() == SECRET


def test_without_a_key_one_is_asked_for(plain: Path) -> None:
    with pytest.raises(RefusedError, match="give the file with the key as --identity FILE"):
        decrypt(f"{plain}.age", None)


def test_a_key_that_is_not_there_is_named(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"There is no key in {tmp_path}/none"):
        decrypt(f"{plain}.age", f"{tmp_path}/none")


@pytest.mark.skipif(shutil.which("age-keygen") is None, reason="age is not installed here")
def test_age_itself_gives_back_what_it_was_given_to_holders_of_either_key_only(tmp_path: Path, plain: Path) -> None:
    keys = [tmp_path / name for name in ("one", "two", "stranger")]
    public = []
    for key in keys:
        made = subprocess.run(["age-keygen", "--output", key], check=True, capture_output=True, text=True)
        public.append(made.stderr.split()[-1])
    encrypted = encrypt(str(plain), public[:2])
    assert [decrypt(encrypted, str(key)) for key in keys[:2]] == [SECRET, SECRET]
    with pytest.raises(BackupError, match="age failed"):
        decrypt(encrypted, str(keys[2]))
