"""Which packages a host gets, and which versions are refused in which words."""

from __future__ import annotations

import pytest

from tests.unit.test_tuning import load_filters

packages = load_filters("timescaledb_packages")

MADISON = """
 timescaledb-2-postgresql-17 | 2.29.2~debian13-1711 | file:/srv/mirror ./ Packages
 timescaledb-2-postgresql-17 | 2.19.3~debian13-1711 | file:/srv/mirror ./ Packages
timescaledb-2-loader-postgresql-17 | 2.29.2~debian13-1711 | file:/srv/mirror ./ Packages
timescaledb-2-loader-postgresql-17 | 2.19.3~debian13-1711 | file:/srv/mirror ./ Packages
timescaledb-2-2.19.3-postgresql-17 | 2.19.3~debian13-1711 | file:/srv/mirror ./ Packages
postgresql-17 | 17.11-0+deb13u1 | http://example.org/debian trixie/main amd64 Packages
""".strip().splitlines()


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "oldest", "newest"),
        [
            ("2.15.3", 13, 16),
            ("2.16.1", 14, 16),
            ("2.17.2", 14, 17),
            ("2.19.3", 14, 17),
            ("2.20.0", 15, 17),
            ("2.22.1", 15, 17),
            ("2.23.0", 15, 18),
            ("2.28.2", 15, 18),
            ("2.29.2", 16, 18),
            ("2.40.0", 16, 18),
        ],
    )
    def test_go_with_these_versions_of_postgresql_only(self, version: str, oldest: int, newest: int) -> None:
        for major in (15, 16, 17, 18):
            found = packages.version_complaints(version, major, "community", "vendor")
            assert (found == []) == (oldest <= major <= newest), (major, found)

    def test_of_a_container_are_refused_by_its_own_variables(self) -> None:
        role = "timescaledb_container"
        (mismatch,) = packages.version_complaints("2.29.2", 15, "community", "vendor", role)
        assert mismatch.startswith("timescaledb_container_version: 2.29.2 was given")
        assert mismatch.endswith("timescaledb_container_postgresql_version is 15")
        (minor,) = packages.minor_complaints("17.1", "2.19.3", "is in the image", role)
        assert minor.startswith("timescaledb_container_postgresql_version: 17 was given, and PostgreSQL 17.1 is in the")

    def test_that_cannot_go_together_are_refused_in_one_sentence(self) -> None:
        assert packages.version_complaints("2.29.2", 15, "community", "vendor") == [
            "timescaledb_host_version: 2.29.2 was given, which runs on PostgreSQL 16 to 18, but "
            "timescaledb_host_postgresql_version is 15"
        ]

    @pytest.mark.parametrize(
        "version", ["latest", "2", "2.29", "2.29.x", "v2.29.2", "2.29.2~debian13", "2.14.2", "1.7.5"]
    )
    def test_that_cannot_be_meant_are_refused(self, version: str) -> None:
        [complaint] = packages.version_complaints(version, 16, "community", "vendor")
        assert complaint.startswith("timescaledb_host_version: ") and "accepted is" in complaint

    def test_may_be_left_open(self) -> None:
        assert packages.version_complaints("", 15, "community", "vendor") == []

    def test_of_the_distribution_are_apache(self) -> None:
        assert packages.version_complaints("", 17, "apache", "distribution") == []
        [complaint] = packages.version_complaints("", 17, "community", "distribution")
        assert complaint.startswith("timescaledb_host_edition: community was given, but timescaledb_host_source is ")


class TestMinors:
    @pytest.mark.parametrize("package", ["17.1-1.pgdg120+1", "16.5-1.pgdg120+1", "15.9-0+deb12u1"])
    @pytest.mark.parametrize("version", ["", "2.29.2", "2.17.2"])
    def test_that_broke_the_interface_are_refused_under_any_version(self, package: str, version: str) -> None:
        [complaint] = packages.minor_complaints(package, version)
        assert complaint.startswith("timescaledb_host_postgresql_version: ")

    @pytest.mark.parametrize(("package", "least"), [("17.0-1", "17.2"), ("16.4-1", "16.6"), ("15.8-1", "15.10")])
    def test_that_are_too_old_for_present_builds_are_refused(self, package: str, least: str) -> None:
        [complaint] = packages.minor_complaints(package, "2.20.0")
        assert complaint.endswith(f"accepted is {least} or later")
        assert packages.minor_complaints(package, "2.17.2") == []

    @pytest.mark.parametrize("package", ["17.11-0+deb13u1", "17.2-1", "16.6-1", "15.10-1", "18.0-1", "", "1:17.11-1"])
    def test_that_work_are_accepted(self, package: str) -> None:
        assert packages.minor_complaints(package) == []

    @pytest.mark.parametrize("extension", ["2.29.2~debian13-1712", "2.19.3", "2.29.2"])
    def test_with_which_no_policy_runs_are_refused(self, extension: str) -> None:
        [complaint] = packages.job_complaints("17.12-0+deb13u1", extension)
        assert complaint.startswith("timescaledb_host_postgresql_version: ")
        assert "accepted is 17.11" in complaint

    @pytest.mark.parametrize(
        ("package", "extension"),
        [("17.11-0+deb13u1", "2.29.2"), ("17.13-1", "2.29.2"), ("17.12-1", "2.29.3"), ("17.12-1", ""), ("", "2.29.2")],
    )
    def test_with_which_policies_run_are_accepted(self, package: str, extension: str) -> None:
        assert packages.job_complaints(package, extension) == []
        assert packages.image_job_complaints(package, extension) == []

    def test_with_which_no_policy_runs_are_told_of_an_image(self) -> None:
        [complaint] = packages.image_job_complaints("17.12", "2.29.2")
        assert complaint.startswith("timescaledb_container_tag: its image holds PostgreSQL 17.12")


class TestNames:
    def test_of_the_vendor_pin_loader_extension_and_library_together(self) -> None:
        assert packages.timescaledb_packages("vendor", "community", 17, "2.29.2") == [
            {"name": "timescaledb-2-loader-postgresql-17", "version": "2.29.2[~-]*"},
            {"name": "timescaledb-2-postgresql-17", "version": "2.29.2[~-]*"},
            {"name": "timescaledb-2-2.29.2-postgresql-17", "version": "2.29.2[~-]*"},
        ]

    @pytest.mark.parametrize(
        ("source", "edition", "names"),
        [
            ("mirror", "community", ["timescaledb-2-loader-postgresql-16", "timescaledb-2-postgresql-16"]),
            ("vendor", "apache", ["timescaledb-2-loader-postgresql-16", "timescaledb-2-oss-postgresql-16"]),
            ("distribution", "apache", ["postgresql-16-timescaledb"]),
        ],
    )
    def test_follow_source_and_edition(self, source: str, edition: str, names: list[str]) -> None:
        found = packages.timescaledb_packages(source, edition, 16)
        assert [package["name"] for package in found] == names
        assert {package["version"] for package in found} == {""}


class TestInstalling:
    PINNED = packages.timescaledb_packages("mirror", "community", 17, "2.19.3")

    def test_reads_what_is_installed(self) -> None:
        lines = ["a 1.0 installed", "b 2.0 config-files", "c  not-installed", "d 1:3.0-1 installed"]
        assert packages.installed_versions(lines) == {"a": "1.0", "d": "1:3.0-1"}

    def test_takes_the_exact_version_that_a_source_offers(self) -> None:
        missing = packages.missing_packages(self.PINNED, {})
        assert packages.offer_complaints(missing, MADISON) == []
        assert packages.package_specs(missing, MADISON) == [
            "timescaledb-2-loader-postgresql-17=2.19.3~debian13-1711",
            "timescaledb-2-postgresql-17=2.19.3~debian13-1711",
            "timescaledb-2-2.19.3-postgresql-17=2.19.3~debian13-1711",
        ]

    def test_leaves_alone_what_is_there_in_its_version(self) -> None:
        have = {package["name"]: "2.19.3~debian13-1711" for package in self.PINNED}
        assert packages.missing_packages(self.PINNED, have) == []
        have["timescaledb-2-loader-postgresql-17"] = "2.19.31~debian13-1711"
        assert [item["name"] for item in packages.missing_packages(self.PINNED, have)] == [
            "timescaledb-2-loader-postgresql-17"
        ]

    def test_never_replaces_what_is_not_pinned(self) -> None:
        wanted = packages.timescaledb_packages("mirror", "community", 17)
        assert packages.missing_packages(wanted, {item["name"]: "2.19.3~old" for item in wanted}) == []
        assert packages.package_specs(wanted, MADISON) == [item["name"] for item in wanted]

    def test_refuses_a_version_that_no_source_offers(self) -> None:
        wanted = packages.timescaledb_packages("mirror", "community", 17, "2.25.2")
        assert packages.offer_complaints(wanted, MADISON) == [
            "timescaledb_host_version: 2.25.2 was given, but of timescaledb-2-loader-postgresql-17 the host's package "
            "sources offer 2.29.2~debian13-1711, 2.19.3~debian13-1711"
        ]

    def test_refuses_a_source_without_such_a_package(self) -> None:
        wanted = packages.timescaledb_packages("distribution", "apache", 18)
        assert packages.offer_complaints(wanted, MADISON) == [
            "timescaledb_host_source: none of the host's package sources offers postgresql-18-timescaledb"
        ]

    def test_refuses_the_way_back(self) -> None:
        have = {"timescaledb-2-postgresql-17": "2.29.2~debian13-1711"}
        [complaint] = packages.change_complaints(self.PINNED, have, "2.19.3")
        assert complaint.startswith(
            "timescaledb_host_version: 2.19.3 was given, but timescaledb-2-postgresql-17 2.29.2"
        )
        assert packages.change_complaints(self.PINNED, {"timescaledb-2-postgresql-17": "2.15.0~x"}, "2.19.3") == []
        assert packages.change_complaints(packages.timescaledb_packages("mirror", "community", 17), have, "") == []
