"""What the host role writes into apt's sources, for each place that packages can come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).resolve().parents[2] / "roles" / "timescaledb_host"
TEMPLATE = ROLE / "templates" / "etc" / "apt" / "sources.list.d" / "timescaledb.sources.j2"
FACTS = {"distribution": "Debian", "distribution_release": "trixie"}


def render(**inventory: Any) -> list[dict[str, str]]:
    """The stanzas of the file, as a mapping each; continued lines are joined by line breaks."""
    loader = DataLoader()
    files = (
        loader.load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True) for part in ("vars", "defaults")
    )
    variables = {**next(files), **next(files), "ansible_facts": FACTS, "ansible_managed": "managed", **inventory}
    variables["__timescaledb_host_added_repositories"] = trust_as_template("{{ __timescaledb_host_repositories }}")
    text: str = Templar(loader, variables=variables).template(trust_as_template(TEMPLATE.read_text(encoding="utf-8")))
    stanzas = [part.replace("\n ", "\x00") for part in text.split("\n\n")[1:]]
    return [
        {
            key: value.replace("\x00", "\n").strip()
            for key, _, value in (line.partition(":") for line in part.split("\n") if line)
        }
        for part in stanzas
    ]


def test_the_vendors_packages_come_with_those_of_postgresql_each_signed_by_its_own_key() -> None:
    assert render(timescaledb_host_source="vendor") == [
        {
            "Types": "deb",
            "URIs": "https://apt.postgresql.org/pub/repos/apt",
            "Suites": "trixie-pgdg",
            "Components": "main",
            "Signed-By": "/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc",
        },
        {
            "Types": "deb",
            "URIs": "https://packagecloud.io/timescale/timescaledb/debian/",
            "Suites": "trixie",
            "Components": "main",
            "Signed-By": "/etc/apt/keyrings/timescaledb.asc",
        },
    ]


@pytest.mark.parametrize(("mirror", "trusted"), [({}, None), ({"trusted": False}, None), ({"trusted": True}, "yes")])
def test_a_folder_of_packages_is_trusted_only_where_that_is_said(mirror: dict[str, Any], trusted: str | None) -> None:
    [stanza] = render(
        timescaledb_host_source="mirror", timescaledb_host_mirror={"directory": "/srv/packages", **mirror}
    )
    assert (stanza["URIs"], stanza["Suites"], stanza.get("Trusted")) == ("file:/srv/packages", "./", trusted)
    assert "Signed-By" not in stanza


def test_a_mirrors_key_can_be_written_into_the_source_itself() -> None:
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----"
    repository = {"uris": ["http://mirror.example/"], "suites": ["trixie"], "components": ["main"], "signed_by": key}
    [stanza] = render(timescaledb_host_source="mirror", timescaledb_host_mirror={"repositories": [repository]})
    assert stanza["Signed-By"].splitlines() == [line or "." for line in key.splitlines()]
