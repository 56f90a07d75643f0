"""What is refused of pgAdmin's variables, and that what is installed of it is pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from tests.unit.test_tuning import load_filters

ROLE = Path(__file__).resolve().parents[2] / "roles" / "timescaledb_pgadmin"
pgadmin = load_filters("timescaledb_pgadmin")

GIVEN: dict[str, Any] = {
    "user": "pgadmin",
    "port": 5050,
    "email": "developer@pgadmin.localhost",
    "password": "",
    "image": "dpage/pgadmin4:9.18",
    "wheels": "",
    "server_name": "aetherlens",
}


def test_what_is_declared_by_default_is_taken() -> None:
    assert pgadmin.pgadmin_complaints(GIVEN) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("user", "postgres", "timescaledb_pgadmin_user: 'postgres' was given; accepted is a system user of its own"),
        ("port", 80, "timescaledb_pgadmin_port: 80 was given; accepted is a port from 1024 to 65535"),
        ("email", "developer", "timescaledb_pgadmin_email: 'developer' was given; accepted is a name such as"),
        ("image", "dpage/pgadmin4", "timescaledb_pgadmin_image: 'dpage/pgadmin4' was given; accepted is an image with"),
        ("image", "dpage/pgadmin4:latest", "an image with its version"),
        ("wheels", "wheels", "timescaledb_pgadmin_wheels: 'wheels' was given; accepted is a folder's full path"),
        ("server_name", "", "timescaledb_pgadmin_server_name: '' was given"),
        ("password", "abc", "timescaledb_pgadmin_password: a shorter one was given; accepted are 6 characters or more"),
    ],
)
def test_a_complaint_names_the_variable_and_what_is_accepted(key: str, value: Any, words: str) -> None:
    complaints = pgadmin.pgadmin_complaints({**GIVEN, key: value})
    assert len(complaints) == 1
    assert words in complaints[0]


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        ({"timescaledb_environment": "development"}, True),
        ({"timescaledb_environment": "production"}, False),
        ({}, False),
    ],
)
def test_whoever_does_not_say_development_is_taken_for_production(said: dict[str, str], is_taken: bool) -> None:
    first = yaml.safe_load((ROLE / "tasks" / "preflight.yml").read_text(encoding="utf-8"))[0]
    condition = Environment(autoescape=True).compile_expression(first["ansible.builtin.assert"]["that"])
    assert condition(**said) is is_taken


def test_a_password_is_not_repeated_in_a_complaint() -> None:
    assert "hunt2" not in "".join(pgadmin.pgadmin_complaints({**GIVEN, "password": "hunt2"}))


@pytest.mark.parametrize("image", ["dpage/pgadmin4:9.18", "registry.example/pgadmin4@sha256:" + "a" * 64])
def test_an_image_in_one_version_is_taken(image: str) -> None:
    assert pgadmin.pgadmin_complaints({**GIVEN, "image": image}) == []


def test_everything_that_is_installed_is_pinned_with_its_digest() -> None:
    text = (ROLE / "files" / "requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Za-z0-9._-]+)==\S+", text, re.MULTILINE)
    hashed = re.findall(r"^[A-Za-z0-9._-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(names) == len(hashed) >= 50
    assert {"pgadmin4", "gunicorn"} <= set(names)
    assert "://" not in text


def test_image_and_package_are_of_one_version() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    text = (ROLE / "files" / "requirements.txt").read_text(encoding="utf-8")
    version = re.findall(r"^pgadmin4==(\S+)", text, re.MULTILINE)
    assert version == [defaults["timescaledb_pgadmin_image"].split(":")[1]]
