"""A configuration is taken as a whole or refused in one sentence with the file, the key and what is accepted."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timescaledb_backup.config import Config, load_config, parse_config
from timescaledb_backup.errors import UsageError

LEAST: dict[str, Any] = {"database": "home", "folder": "/b", "state_folder": "/s", "bindir": "/usr/bin"}


def test_the_least_is_enough() -> None:
    config = parse_config(LEAST, "x.json")
    assert (config.keep.last, config.format, config.offsite, config.lock_file) == (7, "custom", None, "/s/lock")


def test_only_what_a_container_reads_needs_a_place_of_its_own() -> None:
    assert parse_config({**LEAST, "container": None}, "x.json").temporary_folder is None
    assert parse_config({**LEAST, "container": {"name": "x"}}, "x.json").temporary_folder == "/s/tmp"


def test_everything_can_be_said() -> None:
    config = parse_config(
        {
            **LEAST,
            "keep": {"last": 3, "weekly": 2},
            "offsite": {"kind": "rsync", "target": "there:", "options": ["--bwlimit=1"]},
            "encryption_recipients": ["age1x"],
            "notify": {"webhook": "https://example.org/"},
        },
        "x.json",
    )
    assert (config.keep.last, config.keep.weekly, config.keep.monthly) == (3, 2, 0)
    assert config.offsite is not None
    assert config.offsite.options == ("--bwlimit=1",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fomat": "custom"}, "fomat is unknown; accepted are database"),
        ({"format": "tar"}, 'format: "tar" was given; accepted is custom, directory or plain'),
        ({"jobs": 0}, "jobs: 0 was given; accepted is a whole number from 1 to 64"),
        ({"jobs": True}, "jobs: true was given"),
        ({"folder": "backups"}, 'folder: "backups" was given; accepted is an absolute path'),
        ({"database": "../x"}, "accepted is the name of a database"),
        ({"keep": {"last": 0}}, "keep.last: 0 was given"),
        ({"keep": {"daily": 7}}, "keep.daily is unknown; accepted are last, weekly, monthly"),
        ({"keep": 7}, "keep: 7 was given; accepted is a mapping"),
        ({"offsite": {"kind": "rsync"}}, "offsite.target is missing"),
        ({"offsite": {"kind": "ftp", "target": "x"}}, 'offsite.kind: "ftp" was given; accepted is rsync or rclone'),
        ({"offsite": {"kind": "rsync", "target": "--daemon"}}, "offsite.target: "),
        ({"compression": "lz5"}, "compression: "),
        ({"container": {}}, "container.name is missing; accepted is the name of a container"),
        ({"container": {"name": "--help"}}, 'container.name: "--help" was given'),
        ({"container": {"name": "x", "engine": "tcp://x"}}, "accepted is the socket of an engine on this host"),
        ({"format": "plain", "compression": "zstd:3"}, "accepted for format plain are auto, none and gzip"),
        ({"notify": {"webhook": "ftp://x"}}, "notify.webhook: "),
        ({"encryption_recipients": "age1x"}, "accepted is a list of texts"),
        ({"lock_wait_timeout": "soon"}, "accepted is a duration such as 10min"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_config({**LEAST, **changes}, "x.json")
    assert str(refusal.value).startswith("x.json: ")
    assert words in str(refusal.value)


@pytest.mark.parametrize("key", LEAST)
def test_what_is_needed_is_asked_for(key: str) -> None:
    with pytest.raises(UsageError, match=f"{key} is missing"):
        parse_config({name: value for name, value in LEAST.items() if name != key}, "x.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [*Config.__dataclass_fields__, "keep", "offsite", "drill", "notify"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4))
def test_nothing_is_worse_than_refused(changes: dict[str, Any]) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(parse_config({**LEAST, **changes}, "x.json"), Config)


@pytest.mark.parametrize(("text", "words"), [("{", "is not JSON"), ("[]", "accepted is a mapping")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "home.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        load_config(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json cannot be read: No such file"):
        load_config(str(tmp_path / "none.json"))
