# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages a host gets, and which versions cannot live together.

A complaint is one sentence that begins with the variable it is about; no complaint is an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Version = tuple[int, ...]

# From this TimescaleDB version on: the oldest and newest PostgreSQL it is built for.
MATRIX: dict[Version, tuple[int, int]] = {
    (2, 15): (13, 16),
    (2, 16): (14, 16),
    (2, 17): (14, 17),
    (2, 20): (15, 17),
    (2, 23): (15, 18),
    (2, 29): (16, 18),
}
OLDEST = min(MATRIX)
# PostgreSQL broke its binary interface in these, and TimescaleDB crashes.
FORBIDDEN_MINORS = {15: 9, 16: 5, 17: 1}
# What builds since TimescaleDB 2.20 need at least.
LEAST_MINORS = {15: 10, 16: 6, 17: 2, 18: 0}
NEEDS_LEAST_MINORS: Version = (2, 20)
# With these, every background job of the vendor's builds fails, up to this version: 'cannot drop portal "" while it is
# being set up'. Tried with 2.19.3 and 2.29.2. Who builds for a mirror can mend it there.
JOBLESS_MINORS = {17: 12}
LAST_JOBLESS: Version = (2, 29, 2)
_NEWEST_JOBLESS = ".".join(map(str, LAST_JOBLESS))

_PIN = re.compile(r"\d+\.\d+\.\d+\Z")


def version_complaints(
    version: str, postgresql: int, edition: str, source: str, role: str = "timescaledb_host"
) -> list[str]:
    """Return what is wrong with a pinned version ("" for none), a PostgreSQL major, edition and source together."""
    if source == "distribution" and edition != "apache":
        return [
            f"{role}_edition: {edition} was given, but {role}_source is distribution, which has "
            "the apache edition only; accepted is apache, or vendor or mirror as the source"
        ]
    if not version:
        return []
    if not _PIN.match(version):
        return [f"{role}_version: {version!r} was given; accepted is a version such as '2.29.2', or ''"]
    pinned = _numbers(version)
    if pinned[:2] < OLDEST:
        return [f"{role}_version: {version} was given; accepted is {'.'.join(map(str, OLDEST))} or later"]
    oldest, newest = MATRIX[max(start for start in MATRIX if start <= pinned[:2])]
    if oldest <= postgresql <= newest:
        return []
    return [
        f"{role}_version: {version} was given, which runs on PostgreSQL {oldest} to {newest}, but "
        f"{role}_postgresql_version is {postgresql}"
    ]


def minor_complaints(
    package_version: str, version: str = "", whose: str = "is installed", role: str = "timescaledb_host"
) -> list[str]:
    """Return what is wrong with a package of PostgreSQL under TimescaleDB `version` ("" for the newest)."""
    major, minor = _minor(package_version)
    modern = not version or _numbers(version)[:2] >= NEEDS_LEAST_MINORS
    if FORBIDDEN_MINORS.get(major) != minor and not (modern and minor < LEAST_MINORS.get(major, 0)):
        return []
    return [
        f"{role}_postgresql_version: {major} was given, and PostgreSQL {major}.{minor} {whose}, with which "
        f"TimescaleDB crashes or does not load; accepted is {major}.{LEAST_MINORS.get(major, minor + 1)} or later"
    ]


def job_complaints(package_version: str, extension: str, whose: str = "is installed") -> list[str]:
    """Return what keeps the policies of the vendor's build `extension` from running on a package of PostgreSQL."""
    major, minor = _minor(package_version)
    if not _is_jobless(package_version, extension):
        return []
    return [
        f"timescaledb_host_postgresql_version: {major} was given, and PostgreSQL {major}.{minor} {whose}, with which "
        f"no policy of TimescaleDB up to {_NEWEST_JOBLESS} runs; accepted is {major}.{minor - 1}, installed and held "
        "before, or a later timescaledb_host_version"
    ]


def image_job_complaints(postgresql: str, extension: str) -> list[str]:
    """Return what keeps the policies of the vendor's image with these two versions from running."""
    if not _is_jobless(postgresql, extension):
        return []
    return [
        f"timescaledb_container_tag: its image holds PostgreSQL {postgresql}, with which no policy of TimescaleDB up "
        f"to {_NEWEST_JOBLESS} runs; accepted is the tag of an image with another one, or with a later TimescaleDB"
    ]


def _is_jobless(postgresql: str, extension: str) -> bool:
    major, minor = _minor(postgresql)
    numbers = _numbers(extension)
    return JOBLESS_MINORS.get(major) == minor and bool(numbers) and numbers <= LAST_JOBLESS


def _minor(package_version: str) -> tuple[int, int]:
    """Major and minor of a package of PostgreSQL, zeros where it is none."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", package_version)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def timescaledb_packages(source: str, edition: str, postgresql: int, version: str = "") -> list[dict[str, str]]:
    """Return the packages that make up TimescaleDB: name and, where it is pinned, a pattern for their version.

    The loader is always pinned together with the extension: a newer loader names a library that is not there.
    """
    if source == "distribution":
        return [{"name": f"postgresql-{postgresql}-timescaledb", "version": version and f"{version}[+-]*"}]
    prefix = "timescaledb-2-oss" if edition == "apache" else "timescaledb-2"
    names = [f"timescaledb-2-loader-postgresql-{postgresql}", f"{prefix}-postgresql-{postgresql}"]
    if version:
        names.append(f"{prefix}-{version}-postgresql-{postgresql}")
    return [{"name": name, "version": version and f"{version}[~-]*"} for name in names]


def installed_versions(dpkg_lines: Sequence[str]) -> dict[str, str]:
    """Read lines of `name version status` as dpkg-query prints them; what is not installed is left out."""
    fields = [line.split() for line in dpkg_lines]
    return {parts[0]: parts[1] for parts in fields if len(parts) == 3 and parts[2] == "installed"}


def missing_packages(wanted: Sequence[Mapping[str, str]], installed: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return the packages that are not installed, or not in their pinned version."""
    return [package for package in wanted if not _is_satisfied(package, installed)]


def _is_satisfied(package: Mapping[str, str], installed: Mapping[str, str]) -> bool:
    have = installed.get(package["name"])
    return have is not None and fnmatchcase(have, package.get("version") or "*")


def change_complaints(wanted: Sequence[Mapping[str, str]], installed: Mapping[str, str], version: str) -> list[str]:
    """Return what is wrong with going from the installed packages to a pinned version: it is older."""
    newer = [
        f"{package['name']} {have}"
        for package in wanted
        if (have := installed.get(package["name"])) and package.get("version") and _numbers(have) > _numbers(version)
    ]
    if not newer:
        return []
    return [
        f"timescaledb_host_version: {version} was given, but {newer[0]} is installed, and TimescaleDB has no way back; "
        "accepted is the installed version or a later one"
    ]


def offer_complaints(missing: Sequence[Mapping[str, str]], madison_lines: Sequence[str]) -> list[str]:
    """Return a sentence for the first package that no source offers; the lines are those of `apt-cache madison`."""
    offers = _offers(madison_lines)
    for package in missing:
        name, found = package["name"], offers.get(package["name"], [])
        if not found:
            return [f"timescaledb_host_source: none of the host's package sources offers {name}"]
        if not _newest_match(package, found):
            wanted = package["version"].partition("[")[0]
            return [
                f"timescaledb_host_version: {wanted} was given, but of {name} the host's package sources offer "
                + ", ".join(dict.fromkeys(found))
            ]
    return []


def package_specs(missing: Sequence[Mapping[str, str]], madison_lines: Sequence[str] = ()) -> list[str]:
    """Return packages as apt takes them: `name`, or `name=version` where the version is pinned.

    Without lines of `apt-cache madison` the version is the pinned one, for people to read.
    """
    offers = _offers(madison_lines)
    return [
        package["name"] + (f"={_newest_match(package, offers.get(package['name'], [])) or pinned}" if pinned else "")
        for package in missing
        for pinned in [package.get("version", "").partition("[")[0]]
    ]


def _offers(madison_lines: Sequence[str]) -> dict[str, list[str]]:
    """Versions by package, the newest first, as `apt-cache madison` lists them."""
    offers: dict[str, list[str]] = {}
    for line in madison_lines:
        parts = [part.strip() for part in line.split("|")]
        if len(parts) >= 3:
            offers.setdefault(parts[0], []).append(parts[1])
    return offers


def _newest_match(package: Mapping[str, str], offers: Sequence[str]) -> str:
    return next((offer for offer in offers if fnmatchcase(offer, package.get("version") or "*")), "")


def _numbers(version: str) -> Version:
    """The leading numbers of a version: 2.29.2~debian13-1711 is (2, 29, 2)."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, match.group(1).split("."))) if match else ()


class FilterModule:
    """The filters of this file, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "timescaledb_version_complaints": version_complaints,
            "timescaledb_minor_complaints": minor_complaints,
            "timescaledb_job_complaints": job_complaints,
            "timescaledb_image_job_complaints": image_job_complaints,
            "timescaledb_packages": timescaledb_packages,
            "timescaledb_installed_versions": installed_versions,
            "timescaledb_missing_packages": missing_packages,
            "timescaledb_change_complaints": change_complaints,
            "timescaledb_offer_complaints": offer_complaints,
            "timescaledb_package_specs": package_specs,
        }
