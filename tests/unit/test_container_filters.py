"""Where a container's data goes, and which values, images and data are refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_tuning import load_filters

container = load_filters("timescaledb_container")

VALUES: dict[str, Any] = {
    "name": "timescaledb",
    "image": "timescale/timescaledb",
    "tag": "2.29.2-pg17",
    "volume": "timescaledb-data",
    "data_directory": "",
    "folder": "/etc/timescaledb/timescaledb",
    "compose_file": "",
    "address": "127.0.0.1",
    "port": 5432,
    "memory_mb": 2048,
    "cpus": 0,
    "shm_mb": 1024,
    "tls_certificate": "",
    "tls_key": "",
}
EXAMINED = {"postgresql": "17.12", "timescaledb": "2.29.2", "updates": ["2.19.3", "2.28.3"], "uid": "70"}
WANTED = {"image": "timescale/timescaledb:2.29.2-pg17", "postgresql": "17", "version": "2.29.2"}


class TestTheDataGoes:
    @pytest.mark.parametrize("major", [15, 16, 17])
    @pytest.mark.parametrize("image", ["timescale/timescaledb", "registry.example:5000/team/timescaledb", "postgres"])
    def test_to_one_folder_up_to_postgresql_17(self, image: str, major: int) -> None:
        folder = "/var/lib/postgresql/data"
        assert container.data_layout(image, major) == {"mount": folder, "pgdata": folder}

    def test_to_a_folder_for_each_major_from_18_on(self) -> None:
        layout = container.data_layout("timescale/timescaledb", 18)
        assert layout == {"mount": "/var/lib/postgresql", "pgdata": "/var/lib/postgresql/18/docker"}

    @pytest.mark.parametrize("major", [16, 18])
    @pytest.mark.parametrize("image", ["timescale/timescaledb-ha", "registry.example/timescaledb-ha"])
    def test_elsewhere_in_the_image_for_high_availability(self, image: str, major: int) -> None:
        layout = container.data_layout(image, major)
        assert layout == {"mount": "/home/postgres/pgdata", "pgdata": "/home/postgres/pgdata/data"}


class TestValues:
    def test_as_they_are_by_default_pass(self) -> None:
        assert container.value_complaints(VALUES) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"tag": "2.29.2-pg17-oss"},
            {"tag": "latest-pg17@sha256:" + "0" * 64},
            {"image": "registry.example:5000/timescaledb"},
            {"data_directory": "/srv/timescaledb"},
            {"compose_file": "/opt/timescaledb/compose.yaml"},
            {"address": "::1"},
            {"address": "192.0.2.7", "tls_certificate": "PEM", "tls_key": "PEM"},
            {"memory_mb": 0, "cpus": 1.5},
        ],
    )
    def test_that_can_be_meant_pass(self, changes: dict[str, Any]) -> None:
        assert container.value_complaints(VALUES | changes) == []

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("tag", "latest", "latest was given, which is another image every time"),
            ("tag", "latest-pg17", "another image every time"),
            ("tag", "", "'' was given; accepted is one such as 2.29.2-pg17"),
            ("tag", "a b", "accepted is one such as"),
            ("image", "timescale/timescaledb:2.29.2-pg17", "accepted is a repository without a tag"),
            ("image", "", "accepted is a repository"),
            ("name", "a/b", "accepted are letters"),
            ("volume", "/srv/data", "accepted are letters"),
            ("data_directory", "data", "accepted is an absolute path, or '' for a volume"),
            ("data_directory", "/srv/../etc", "accepted is an absolute path"),
            ("folder", "", "accepted is an absolute path"),
            ("folder", "/etc/a:b", "accepted is an absolute path"),
            ("compose_file", "compose.yaml", "accepted is an absolute path, or ''"),
            ("address", "localhost", "accepted is an address of the host"),
            ("address", "198.51.100.1", "which others can reach, but no certificate"),
            ("address", "192.0.2.7", "timescaledb_container_tls_certificate and timescaledb_container_tls_key as well"),
            ("port", 0, "0 was given; accepted is 1 to 65535"),
            ("port", 70000, "accepted is 1 to 65535"),
            ("memory_mb", 100, "accepted is 256 or more, or 0 for no limit"),
            ("memory_mb", -1, "accepted is 256 or more"),
            ("cpus", 0.01, "accepted is 0.1 or more, or 0"),
            ("cpus", -2, "accepted is 0.1 or more"),
            ("shm_mb", 1, "accepted is 64 or more"),
        ],
    )
    def test_that_cannot_be_meant_are_refused_by_name(self, name: str, value: object, words: str) -> None:
        (complaint,) = container.value_complaints(VALUES | {name: value})
        assert complaint.startswith(f"timescaledb_container_{name}: ")
        assert words in complaint

    @pytest.mark.parametrize(("given", "missing"), [("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")])
    def test_of_a_certificate_come_together(self, given: str, missing: str) -> None:
        (complaint,) = container.value_complaints(VALUES | {given: "PEM"})
        assert complaint.startswith(f"timescaledb_container_{missing}: nothing was given")


ENGINE = {"MemTotal": 4096 * 1048576, "NCPU": 2}


class TestLimits:
    def test_that_the_machine_has_pass(self) -> None:
        assert container.engine_complaints({"memory_mb": 4096, "cpus": 2}, ENGINE) == []

    @pytest.mark.parametrize(
        ("name", "value", "has"), [("memory_mb", 4097, "has 4096"), ("cpus", 2.5, "has 2"), ("cpus", 3, "has 2")]
    )
    def test_beyond_the_machine_are_refused(self, name: str, value: float, has: str) -> None:
        (complaint,) = container.engine_complaints({"memory_mb": 0, "cpus": 0, name: value}, ENGINE)
        assert complaint.startswith(f"timescaledb_container_{name}: {value} was given")
        assert complaint.endswith(has)


class TestAnImage:
    def test_is_read_from_its_own_words(self) -> None:
        output = "uid=70\nnoise\npostgresql=17.12\ntimescaledb=2.29.2\nupdates= 2.19.3 2.28.3\nrefusal=\n"
        assert container.read_examination(output) == EXAMINED | {"refusal": ""}

    def test_that_is_what_was_declared_passes(self) -> None:
        assert container.examination_complaints(EXAMINED, WANTED) == []
        assert container.examination_complaints(EXAMINED | {"data": "17"}, WANTED) == []

    @pytest.mark.parametrize(
        ("changes", "variable", "words"),
        [
            ({"postgresql": "16.9"}, "postgresql_version", "17 was given, but timescale/timescaledb:2.29.2-pg17 has"),
            ({"timescaledb": "2.28.0"}, "version", "2.29.2 was given, but timescale/timescaledb:2.29.2-pg17 has 2.28"),
            ({"data": "16"}, "postgresql_version", "17 was given, but the data is that of PostgreSQL 16"),
            ({"timescaledb": ""}, "image", "in which there is no PostgreSQL with TimescaleDB"),
        ],
    )
    def test_that_is_not_is_refused(self, changes: dict[str, str], variable: str, words: str) -> None:
        (complaint,) = container.examination_complaints(EXAMINED | changes, WANTED)
        assert complaint.startswith(f"timescaledb_container_{variable}: ")
        assert words in complaint

    def test_that_says_nothing_is_none(self) -> None:
        (complaint,) = container.examination_complaints(container.read_examination("sh: not found\n"), WANTED)
        assert complaint.startswith("timescaledb_container_image: ")

    def test_updates_what_it_has_scripts_for(self) -> None:
        databases = {"postgres": "2.29.2", "aetherlens": "2.19.3", "broken": "unknown"}
        assert container.update_complaints(databases, EXAMINED, "image") == []

    def test_is_refused_where_it_is_older_than_the_data(self) -> None:
        (complaint,) = container.update_complaints({"aetherlens": "2.30.0"}, EXAMINED, "image")
        assert "database aetherlens has TimescaleDB 2.30.0, from which image cannot update" in complaint

    def test_versions_of_databases_without_the_extension_are_left_out(self) -> None:
        lines = ["aetherlens\t2.29.2", "plain\t", "post gres\tunknown"]
        assert container.extension_versions(lines) == {"aetherlens": "2.29.2", "post gres": "unknown"}


class TestALog:
    def test_tells_what_is_serious(self) -> None:
        log = "LOG:  starting\n1 [1] FATAL:  could not write lock file: No space left on device\nLOG:  bye\n"
        assert container.log_sentence(log) == "could not write lock file: No space left on device"

    def test_leaves_out_what_an_earlier_server_said(self) -> None:
        earlier = "ERROR:  old\nFATAL:  terminating due to administrator command\nLOG:  database system is shut down\n"
        now = "postgres: could not find the database system\nExpected to find it in the directory /data\n"
        assert container.log_sentence(earlier + now) == "could not find the database system"
        assert container.log_sentence("FATAL:  the database system is starting up\nFATAL:  bad key\n") == "bad key"

    def test_that_has_nothing_serious_tells_its_end(self) -> None:
        assert container.log_sentence("a\nb\n\nc\nd\n") == "b; c; d"
        assert container.log_sentence("") == "nothing"

    def test_goes_on_with_what_was_said_as_an_error(self) -> None:
        assert container.log_sentence("starting", "1 [1] FATAL:  bad key") == "bad key"
        assert container.log_sentence("a", "b") == "a; b"


def test_networks_are_named() -> None:
    assert container.named(["a", "b"], external=True) == [
        {"name": "a", "external": True},
        {"name": "b", "external": True},
    ]


def test_of_a_containers_environment_what_was_for_new_data_is_kept() -> None:
    lines = ["POSTGRES_DB=home", "POSTGRES_INITDB_ARGS=--locale=C", "PGDATA=/x", "EMPTY"]
    kept = container.kept_environment(lines, ["POSTGRES_DB", "POSTGRES_INITDB_ARGS"])
    assert kept == {"POSTGRES_DB": "home", "POSTGRES_INITDB_ARGS": "--locale=C"}


class TestRoom:
    HEAD = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"

    @pytest.mark.parametrize(("left", "refused"), [(16384, False), (16383, True), (0, True)])
    def test_of_less_than_a_segment_is_refused(self, left: int, refused: bool) -> None:
        output = f"{self.HEAD}tmpfs 204800 {204800 - left} {left} 99% /var/lib/postgresql/data\n"
        found = container.room_complaints(output, "volume", "home-data")
        assert bool(found) == refused

    def test_is_told_with_the_variable_and_the_volume(self) -> None:
        (complaint,) = container.room_complaints(f"{self.HEAD}tmpfs 204800 204800 0 100% /x\n", "volume", "home-data")
        assert complaint.startswith("timescaledb_container_volume: home-data is full, 0 of 200 MB are left")

    def test_that_nobody_tells_is_taken_as_given(self) -> None:
        assert container.room_complaints("", "volume", "home-data") == []
        assert container.room_complaints("df: no such file", "volume", "home-data") == []
