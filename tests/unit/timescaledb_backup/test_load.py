"""The table of contents is divided so that TimescaleDB's catalog comes whole and first."""

from __future__ import annotations

from timescaledb_backup.load import connection, load_settings, only_schemas, split_contents, without_schemas

LISTING = """;
; Archive created at 2026-11-27 02:30:00 UTC
;
2; 3079 16384 EXTENSION - timescaledb
4711; 0 16512 TABLE DATA _timescaledb_catalog hypertable postgres
4712; 0 16513 TABLE DATA _timescaledb_config bgw_job postgres
4713; 0 16514 SEQUENCE SET _timescaledb_catalog chunk_id_seq postgres
4714; 0 16600 TABLE DATA _timescaledb_internal _hyper_1_1_chunk owner
4715; 0 16601 TABLE DATA public TABLE DATA _timescaledb_catalog x owner
4716; 0 16602 SEQUENCE SET public event_id_seq owner
4717; 2606 16700 CONSTRAINT public event event_pkey owner
"""


def test_rows_and_sequences_of_the_catalog_are_apart_from_the_others() -> None:
    catalog, others = split_contents(LISTING)
    assert [line.split(";")[0] for line in catalog.splitlines()] == ["4711", "4712", "4713"]
    assert [line.split(";")[0] for line in others.splitlines()] == ["2", "4714", "4715", "4716", "4717"]


def test_both_lists_keep_the_order_and_lose_nothing() -> None:
    catalog, others = split_contents(LISTING)
    entries = {line for line in LISTING.splitlines() if not line.startswith(";")}
    assert set(catalog.splitlines()) | set(others.splitlines()) == entries


def test_schemas_of_extensions_are_made_apart() -> None:
    listing = "1; 2615 5 SCHEMA - ts owner\n2; 2615 6 SCHEMA - ts2 owner\n3; 0 7 TABLE ts SCHEMA - ts owner\n"
    assert only_schemas(listing, ["ts"]) == "1; 2615 5 SCHEMA - ts owner\n"
    assert without_schemas(listing, ["ts"]) == listing.replace("1; 2615 5 SCHEMA - ts owner\n", "")


def test_a_connection_names_the_database_whatever_its_name_is() -> None:
    assert connection("home", {}) == "dbname='home'"
    assert connection("it's \\ mine", {"jit": "off", "work_mem": "1MB"}) == (
        "dbname='it\\'s \\\\ mine' options='-c jit=off -c work_mem=1MB'"
    )


def test_two_at_once_do_not_start_workers_of_their_own() -> None:
    assert load_settings(2)["max_parallel_maintenance_workers"] == "0"
    assert "max_parallel_maintenance_workers" not in load_settings(1)
    assert load_settings(2)["synchronous_commit"] == "off"
