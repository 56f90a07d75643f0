"""How settings are written, and which ones are refused in which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_tuning import load_filters

settings = load_filters("timescaledb_settings")


def parameter(name: str, vartype: str = "string", context: str = "user", **limits: Any) -> dict[str, Any]:
    """One row of pg_settings."""
    return {"name": name, "vartype": vartype, "context": context, "min_val": None, "max_val": None, **limits}


KNOWN = [
    parameter("work_mem", "integer", min_val="64", max_val="2147483647"),
    parameter("DateStyle"),
    parameter("block_size", "integer", "internal"),
    parameter("timescaledb.max_background_workers", "integer", "postmaster", min_val="0", max_val="1000"),
    parameter("timescaledb.enable_chunk_append", "bool"),
    parameter("timescaledb.telemetry_level", "enum", enumvals=["off", "basic"]),
    parameter("timescaledb.license", "string"),
    parameter("timescaledb.skip_scan_run_cost_multiplier", "real", min_val="0", max_val="1"),
]


class TestLayers:
    def test_lie_over_each_other(self) -> None:
        layers = [{"jit": "off", "work_mem": "4MB"}, {"work_mem": "8MB"}, {"JIT": True}]
        assert settings.merge_settings(layers) == {"jit": "on", "work_mem": "8MB"}

    def test_leave_to_the_server_what_is_null(self) -> None:
        assert settings.merge_settings([{"jit": "off"}, {"jit": None}]) == {}

    @pytest.mark.parametrize(
        ("value", "text"),
        [(True, "on"), (False, "off"), (10, "10"), (0.9, "0.9"), ("1GB", "1GB"), (["a", "b"], "a, b"), ([], "")],
    )
    def test_are_written_as_postgresql_reads_them(self, value: object, text: str) -> None:
        assert settings.setting_text(value) == text

    def test_quote_what_needs_it(self) -> None:
        assert settings.quote_setting("it's \\ %m") == "'it''s \\\\ %m'"


class TestOfAContainer:
    @pytest.mark.parametrize(
        ("name", "variable"),
        [
            ("port", "port"),
            ("listen_addresses", "address"),
            ("ssl", "tls_certificate"),
            ("data_directory", "data_directory"),
        ],
    )
    def test_name_its_own_variables(self, name: str, variable: str) -> None:
        (complaint,) = settings.form_complaints({name: "x"}, "timescaledb_container")
        assert complaint == (
            f"timescaledb_container_settings.{name}: this has a variable of its own, timescaledb_container_{variable}"
        )

    def test_are_held_against_the_server_by_their_own_name(self) -> None:
        (complaint,) = settings.known_complaints({"work_men": "1MB"}, KNOWN, "timescaledb_container")
        assert complaint.startswith("timescaledb_container_settings.work_men: the server knows no such parameter")


class TestForm:
    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [
            ("port", 1, "timescaledb_host_settings.port: this has a variable of its own, timescaledb_host_port"),
            ("Listen_Addresses", "*", "variable of its own, timescaledb_host_listen_addresses"),
            ("shared_preload_libraries", "x", "variable of its own, timescaledb_host_preload_libraries"),
            ("hba_file", "/x", "not accepted; files are where"),
            ("include", "x.conf", "not accepted; files are where"),
            ("work mem", "1MB", "no parameter's name"),
            ("a.b.c", "1", "no parameter's name"),
            ("x = 1\ny", "1", "no parameter's name"),
            ("work_mem", {"a": 1}, "accepted is a value on one line"),
            ("work_mem", "1MB\nport = 1", "accepted is a value on one line"),
        ],
    )
    def test_that_cannot_be_meant_is_refused(self, name: str, value: object, complaint: str) -> None:
        [found] = settings.form_complaints({name: value})
        assert complaint in found

    def test_that_can_be_meant_is_accepted(self) -> None:
        assert settings.form_complaints({"work_mem": "1MB", "timescaledb.license": "apache", "jit": None}) == []


class TestKnowledge:
    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [
            (
                "wrok_mem",
                "1MB",
                "timescaledb_host_settings.wrok_mem: the server knows no such parameter; the nearest is work_mem",
            ),
            ("timescaledb.max_background_worker", 1, "the nearest is timescaledb.max_background_workers"),
            ("timescaledb.typo", None, "the server knows no such parameter"),
            ("foo.bar", 1, "the server knows no such parameter"),
            ("block_size", 1, "can be read only"),
            ("timescaledb.max_background_workers", "many", "'many' was given; accepted is a number"),
            ("timescaledb.max_background_workers", 1001, "accepted is a number from 0 to 1000"),
            ("timescaledb.skip_scan_run_cost_multiplier", 1.5, "accepted is a number from 0 to 1"),
            ("timescaledb.enable_chunk_append", "maybe", "accepted is on or off"),
            ("timescaledb.telemetry_level", "no", "accepted is one of off, basic"),
        ],
    )
    def test_of_the_server_refuses(self, name: str, value: object, complaint: str) -> None:
        [found] = settings.known_complaints({name: value}, KNOWN)
        assert complaint in found

    def test_of_the_server_accepts(self) -> None:
        good = {
            "work_mem": "nonsense is for the server's own parser",
            "datestyle": "iso",
            "timescaledb.max_background_workers": 20,
            "timescaledb.enable_chunk_append": False,
            "timescaledb.telemetry_level": "OFF",
            "timescaledb.license": "apache",
            "timescaledb.skip_scan_run_cost_multiplier": "0.5",
        }
        assert settings.known_complaints(good, KNOWN) == []

    def test_drops_what_an_edition_has_not(self) -> None:
        wanted = {"work_mem": "1MB", "datestyle": "iso", "timescaledb.other": "1"}
        names = [row["name"] for row in KNOWN]
        assert settings.known_only(wanted, names) == {"work_mem": "1MB", "datestyle": "iso"}


class TestPreloading:
    @pytest.mark.parametrize(
        ("texts", "libraries"),
        [
            ([], ["timescaledb"]),
            (["#shared_preload_libraries = 'pg_cron'"], ["timescaledb"]),
            (["shared_preload_libraries = ''\t# (change requires restart)"], ["timescaledb"]),
            (["shared_preload_libraries = 'pg_cron, auto_explain'"], ["pg_cron", "auto_explain", "timescaledb"]),
            (["  shared_preload_libraries 'pg_cron'"], ["pg_cron", "timescaledb"]),
            (["shared_preload_libraries = pg_cron"], ["pg_cron", "timescaledb"]),
            (["Shared_Preload_Libraries='\"pg_cron\"'"], ["pg_cron", "timescaledb"]),
            (["shared_preload_libraries = 'a'", "shared_preload_libraries = 'b'"], ["b", "timescaledb"]),
            (["shared_preload_libraries = 'a'\nshared_preload_libraries = 'b'"], ["b", "timescaledb"]),
            (["shared_preload_libraries = 'timescaledb,a'"], ["timescaledb", "a"]),
            (["session_preload_libraries = 'a'"], ["timescaledb"]),
        ],
    )
    def test_extends_what_is_there(self, texts: list[str], libraries: list[str]) -> None:
        assert settings.preload_libraries(texts) == libraries
        assert settings.preload_libraries(texts, ["x"]) == [*libraries, "x"]


class TestDifferences:
    OLD = "# a comment\nwork_mem = '4MB'\nlog_line_prefix = '%m ''q'' \\\\ '\njit = 'off'\n"

    def test_between_a_file_and_settings_are_found_by_name(self) -> None:
        same = {"work_mem": "4MB", "log_line_prefix": "%m 'q' \\ ", "jit": "off"}
        assert settings.changed_settings(self.OLD, same) == []
        other = {"work_mem": "8MB", "log_line_prefix": "%m 'q' \\ ", "port": "5432"}
        assert settings.changed_settings(self.OLD, other) == ["jit", "port", "work_mem"]

    @given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text("ab'\\ %", max_size=9), max_size=4))
    def test_are_none_after_writing(self, wanted: dict[str, str]) -> None:
        text = "".join(f"{name} = {settings.quote_setting(value)}\n" for name, value in wanted.items())
        assert settings.changed_settings(text, wanted) == []
