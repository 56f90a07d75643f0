"""What an inventory says about backups is refused in one sentence where it cannot be meant, before anything is done."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.integration.programs import run_playbook

PATH = "an absolute path without spaces, quotes and percent signs"
OFFSITE = "nothing, or a kind and a target that does not begin with a hyphen"
# What is given and what is accepted instead, by variable; one run is refused for everything that is wrong in it.
WRONG: list[dict[str, tuple[Any, str]]] = [
    {
        "timescaledb_backup_folder": ("backups", PATH),
        "timescaledb_backup_state_folder": ("/var/lib/%i", PATH),
        "timescaledb_backup_jobs": (0, "a number from 1 to 64"),
        "timescaledb_backup_keep_last": (0, "a number from 1 to 10000"),
        "timescaledb_backup_keep_weekly": (-1, "a number from 0 to 10000"),
        "timescaledb_backup_keep_monthly": (10001, "a number from 0 to 10000"),
        "timescaledb_backup_least_free_mb": (-1, "a number of megabytes, 0 or more"),
        "timescaledb_backup_drill_memory_mb": (8, "a number of megabytes, 16 or more"),
        "timescaledb_backup_compression": ("lzma", "auto, none"),
        "timescaledb_backup_lock_wait_timeout": ("soon", "a duration such as 10min"),
        "timescaledb_backup_encryption_recipients": (["AGE-SECRET-KEY-1"], "public keys of age"),
        "timescaledb_backup_offsite": ({"kind": "rsync", "target": "-e sh"}, OFFSITE),
        "timescaledb_backup_notify_mail": ("nobody at all", "a mail address, or nothing"),
    },
    {
        "timescaledb_login_db": ("../etc", "for backups, a name of letters"),
        "timescaledb_backup_folder": ("/", PATH),
        "timescaledb_backup_state_folder": ("/var/back ups", PATH),
        "timescaledb_backup_compression": ("gzip:12", "auto, none"),
        "timescaledb_backup_offsite": ({"kind": "rsync"}, OFFSITE),
    },
    {"timescaledb_backup_offsite": ({"target": "somewhere"}, OFFSITE)},
    {
        "timescaledb_backup_schedule": ("every night", "a calendar event of systemd"),
        "timescaledb_backup_drill_schedule": ("25:00", "a calendar event of systemd"),
    },
    {
        "timescaledb_backup_random_delay": ("a while", "a duration such as 15min"),
        "timescaledb_backup_timeout": ("soon", "a duration such as 15min"),
    },
]
TIMES = {"timescaledb_backup_schedule", "timescaledb_backup_timeout"}
WRONG_TYPES: dict[str, Any] = {
    "timescaledb_backup_format": "tar",
    "timescaledb_backup_keep_last": "all",
    "timescaledb_backup_offsite": {"kind": "scp", "target": "somewhere"},
}


def refuse(variables: dict[str, Any]) -> str:
    """Require that the playbook fails in check mode without a traceback; its words on one line."""
    done = run_playbook("schedule_backups", {"timescaledb_backup_enabled": True, **variables}, "--check")
    assert done.code != 0, done.output
    assert done.changed == 0
    assert "Traceback" not in done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_every_value_that_cannot_be_meant_is_refused_in_a_sentence(wrong: dict[str, tuple[Any, str]]) -> None:
    if TIMES & wrong.keys() and shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here to ask about times")
    words = refuse({name: given for name, (given, _) in wrong.items()})
    unsaid = {
        name: f"{name}: {given} was given; accepted is {accepted}"
        for name, (given, accepted) in wrong.items()
        if f"{name}: {given} was given; accepted is {accepted}" not in words
    }
    assert unsaid == {}, words


def test_values_of_another_kind_are_refused_by_their_names() -> None:
    words = refuse(WRONG_TYPES)
    assert [name for name in WRONG_TYPES if name not in words.partition("argument_spec_data")[0]] == []


def test_an_address_that_is_refused_is_not_told_as_it_may_hold_a_secret() -> None:
    words = refuse({"timescaledb_backup_notify_webhook": "ftp://alerts.example.org/s3cret"})
    assert "timescaledb_backup_notify_webhook: something else was given; accepted is an address that begins" in words
    assert "s3cret" not in words


def test_the_sandbox_has_none() -> None:
    done = run_playbook("schedule_backups", {}, "--check").require_success()
    assert "ok=1 " in done.output  # that the variables are of the right kinds, and nothing else
    assert done.changed == 0
