"""What is refused of pgAdmin's variables, and that what is installed of it is pinned."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
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
    "source": "pypi",
    "server_host": "/var/run/postgresql",
}
# What pgAdmin's own check of addresses does not take, in whichever domain.
REFUSED_BY_PGADMIN = [
    ".d@x.org",
    "d.@x.org",
    "d..d@x.org",
    "d@x.1",
    "d@-x.org",
    "d@x-.org",
    "d@ab--cd.org",
    "d@10.0.0.1",
]
# What the inventory says for a server on the host, or of one in a container, and what the role reads on the host.
INVENTORY: dict[str, Any] = {
    "inventory_hostname": "db1",
    "ansible_check_mode": False,
    "ansible_host": "db1",
    "timescaledb_deployment": "host",
    "timescaledb_login_host": "",
    "timescaledb_login_unix_socket": "/var/run/postgresql",
    "timescaledb_login_port": 5432,
    "timescaledb_login_db": "aetherlens",
    "__timescaledb_pgadmin_passwords": {"pgadmin": "for pgAdmin", "server": "for the server"},
}
IMAGE = {"timescaledb_pgadmin_source": "image"}
MODULE = "community.docker.docker_container"


def read_tasks(stage: str) -> list[dict[str, Any]]:
    """The tasks of one stage, as templates."""
    return list(DataLoader().load_from_file(str(ROLE / "tasks" / f"{stage}.yml"), trusted_as_template=True))


def read_task(stage: str, name: str) -> dict[str, Any]:
    """The one task of this stage with this name."""
    (found,) = [task for task in read_tasks(stage) if task["name"] == f"{stage} | {name}"]
    return found


def make_templar(**said: Any) -> Templar:
    """What templates with the role's variables and these."""
    loader = DataLoader()
    defaults, variables = (
        loader.load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True) for part in ("defaults", "vars")
    )
    return Templar(loader, variables={**defaults, **INVENTORY, **variables, **said})


def render(template: Any, **said: Any) -> Any:
    """What becomes of a template; of plain text, which is the name of a variable, its value."""
    if type(template) is str:
        template = trust_as_template(f"{{{{ {template} }}}}")
    return make_templar(**said).template(template)


def holds(condition: str, **said: Any) -> bool:
    """Whether the condition of a task does."""
    found: bool = make_templar(**said).evaluate_conditional(trust_as_template(condition))
    return found


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
        *(("email", email, f"timescaledb_pgadmin_email: {email!r} was given") for email in REFUSED_BY_PGADMIN),
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


@pytest.mark.parametrize(
    ("email", "domains"),
    [
        ("developer@pgadmin.localhost", ["pgadmin.localhost", "localhost"]),
        ("dev@x.test", ["x.test", "test"]),
        ("Dev@A.Home.arpa", ["a.home.arpa", "home.arpa", "arpa"]),
    ],
)
def test_a_domain_that_is_nobodys_is_allowed_by_each_of_its_endings(email: str, domains: list[str]) -> None:
    assert pgadmin.pgadmin_domains(email) == domains
    assert pgadmin.pgadmin_complaints({**GIVEN, "email": email}) == []


class TestPypi:
    @pytest.mark.parametrize(
        ("said", "is_taken"),
        [("3.13", True), ("3.12", True), ("3.11", False), ("3.10", False), ("3.14", False), ("", False)],
    )
    def test_is_taken_where_the_hosts_python_is_one_it_is_pinned_for(self, said: str, is_taken: bool) -> None:
        task = read_task("preflight", "Check that what is pinned is for the host's Python")
        found = {"__timescaledb_pgadmin_host_python": {"stdout": said}}
        assert holds(task["when"])
        assert holds(task["ansible.builtin.assert"]["that"], **found) is is_taken
        words = render(task["ansible.builtin.assert"]["fail_msg"], **found)
        assert f"timescaledb_pgadmin_source: pypi was given, but python3 of db1 is {said or 'not there'}; acc" in words
        assert "3.12 or 3.13" in words

    def test_asks_the_python_that_makes_its_folder_and_in_check_mode_too(self) -> None:
        task = read_task("preflight", "Look for the host's Python")
        (install,) = [task for task in read_tasks("install") if "block" in task]
        (pip,) = [task["ansible.builtin.pip"] for task in install["block"] if "ansible.builtin.pip" in task]
        assert task["ansible.builtin.command"]["argv"][0] == pip["virtualenv_command"].split()[0] == "python3"
        assert task["check_mode"] is False
        assert task["become"] is True

    def test_of_the_image_nothing_is_asked_of_the_hosts_python(self) -> None:
        for name in ("Look for the host's Python", "Check that what is pinned is for the host's Python"):
            assert not holds(read_task("preflight", name)["when"], timescaledb_pgadmin_source="image")

    def test_finds_the_server_on_its_socket(self) -> None:
        assert render("timescaledb_pgadmin_server_host") == "/var/run/postgresql"


class TestImage:
    def options(self, **said: Any) -> dict[str, Any]:
        """What the module that makes the container is given."""
        written = {f"__timescaledb_pgadmin_{name}": {"changed": False} for name in ("passed", "known", "listed")}
        found: dict[str, Any] = render(read_task("image", "Run the image")[MODULE], **{**IMAGE, **written, **said})
        return found

    def test_servers_are_replaced_at_every_start_in_the_one_spelling_that_counts(self) -> None:
        assert self.options()["env"]["PGADMIN_REPLACE_SERVERS_ON_STARTUP"] == "True"

    @pytest.mark.parametrize("name", ["passed", "known", "listed"])
    def test_the_container_is_made_anew_when_a_file_was_written(self, name: str) -> None:
        assert self.options()["recreate"] is False
        assert self.options(**{f"__timescaledb_pgadmin_{name}": {"changed": True}})["recreate"] is True
        written = [task["register"] for task in read_tasks("image") if "ansible.builtin.copy" in task]
        assert f"__timescaledb_pgadmin_{name}" in written

    @pytest.mark.parametrize(
        "said",
        [
            {"timescaledb_pgadmin_server_port": 5433},
            {"timescaledb_pgadmin_user": "someone"},
            {"__timescaledb_pgadmin_passwords": {"pgadmin": "another", "server": "for the server"}},
        ],
    )
    def test_the_container_differs_when_a_file_does_even_after_a_killed_run(self, said: dict[str, Any]) -> None:
        label = "timescaledb.files"
        assert self.options()["labels"][label] == self.options()["labels"][label]
        assert self.options()["labels"][label] != self.options(**said)["labels"][label]

    @pytest.mark.parametrize(("host", "found"), [("", "127.0.0.1"), ("db.example", "db.example")])
    def test_finds_a_server_of_the_host_by_its_address(self, host: str, found: str) -> None:
        said = {**IMAGE, "timescaledb_login_host": host}
        assert render("timescaledb_pgadmin_server_host", **said) == found
        assert render("__timescaledb_pgadmin_server.Host", **said) == found

    def test_has_no_socket(self) -> None:
        (complaint,) = pgadmin.pgadmin_complaints({**GIVEN, "source": "image"})
        assert complaint.startswith("timescaledb_pgadmin_server_host: '/var/run/postgresql' was given; accepted is")
        assert pgadmin.pgadmin_complaints({**GIVEN, "source": "image", "server_host": "127.0.0.1"}) == []

    def test_what_the_module_needs_is_installed_but_not_by_a_check(self) -> None:
        task = read_task("engine", "Have what the modules need")
        assert render(task["ansible.builtin.apt"]["name"]) == ["python3-requests"]
        assert all(holds(condition) for condition in task["when"])
        assert not all(holds(condition, ansible_check_mode=True) for condition in task["when"])
        assert not all(holds(condition, ansible_connection="local") for condition in task["when"])

    @pytest.mark.parametrize(
        ("check", "message", "is_unasked"),
        [
            (True, "Failed to import the required Python library (requests) on db1's Python", True),
            (True, "Error connecting: no such file", False),
            (False, "Failed to import the required Python library (requests) on db1's Python", False),
        ],
    )
    def test_a_check_tells_what_it_cannot_ask_instead_of_failing(
        self, check: bool, message: str, is_unasked: bool
    ) -> None:
        said = {"ansible_check_mode": check, "__timescaledb_pgadmin_engine": {"msg": message}}
        assert holds("__timescaledb_pgadmin_unasked", **said) is is_unasked
        told = read_task("image", "Tell what would be run")
        assert holds(told["when"], **said) is is_unasked
        assert "python3-requests" in render(told["ansible.builtin.debug"]["msg"], **said)
        made = read_task("image", "Run the image")
        assert holds(made["when"], **said) is not is_unasked
        assert holds(read_task("engine", "Check that an engine answers")["when"], **said) is not is_unasked

    @pytest.mark.parametrize("stage", ["engine", "image", "passfile"])
    def test_every_task_asks_the_engine_that_has_the_servers_container(self, stage: str) -> None:
        asked = [task[name] for task in read_tasks(stage) for name in task if name.startswith("community.docker.")]
        assert asked
        for options in asked:
            host = options["docker_host"]
            assert render(host) == "unix:///var/run/docker.sock"
            other = "unix:///run/other.sock"
            assert render(host, timescaledb_container_docker_host=other) == other

    def test_root_writes_the_files_and_asks_the_engine(self) -> None:
        (block,) = [task["block"] for task in read_tasks("main")]
        for stage in ("passwords", "engine", "image", "passfile"):
            (task,) = [task for task in block if f"{stage}.yml" in str(task)]
            applied = task.get("ansible.builtin.include_tasks", {}).get("apply", task)
            assert applied["become"] is True

    def test_has_names_and_a_label_of_its_own(self) -> None:
        options = self.options()
        volumes = [mount["source"] for mount in options["mounts"] if mount["type"] == "volume"]
        assert [options["name"], *volumes] == ["timescaledb-pgadmin"] * 2
        assert options["labels"]["timescaledb.managed-by"] == "ansible"

    @pytest.mark.parametrize(
        ("container", "is_taken"),
        [
            (None, True),
            ({"Config": {"Labels": {"timescaledb.managed-by": "ansible"}}}, True),
            ({"Config": {"Labels": {"com.example": "theirs"}}}, False),
            ({"Config": {"Labels": {"timescaledb.managed-by": "somebody"}}}, False),
            ({"Config": {"Labels": None}}, False),
        ],
    )
    def test_a_container_of_somebody_elses_is_left_alone(self, container: Any, is_taken: bool) -> None:
        task = read_task("engine", "Check that the container is nobody else's")
        found = {"__timescaledb_pgadmin_found": {"container": container}}
        assert holds(task["ansible.builtin.assert"]["that"], **found) is is_taken

    def test_the_given_domain_is_allowed(self) -> None:
        allowed = self.options(timescaledb_pgadmin_email="dev@x.test")["env"]
        assert json.loads(allowed["PGADMIN_CONFIG_ALLOW_SPECIAL_EMAIL_DOMAINS"]) == ["x.test", "test"]

    def test_a_passfile_is_brought_in_once(self, tmp_path: Path) -> None:
        task = read_task("passfile", "Bring in what pgAdmin logs in to the server with")
        options = render(task["community.docker.docker_container_exec"], timescaledb_pgadmin_email="dev@x.test")
        given = tmp_path / "pgpass"
        given.write_text("*:*:*:pgadmin:one", encoding="utf-8")
        program, option, script, name, source, target = options["argv"]
        assert (source, target) == ("/run/secrets/pgpass", "/var/lib/pgadmin/storage/dev_x.test/.pgpass")
        kept = tmp_path / "storage" / "dev_x.test" / ".pgpass"
        said = []
        for text in ("one", "one", "two"):
            given.write_text(f"*:*:*:pgadmin:{text}", encoding="utf-8")
            argv = [program, option, script, name, str(given), str(kept)]
            said.append(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())
            assert kept.read_text(encoding="utf-8") == given.read_text(encoding="utf-8")
            assert kept.stat().st_mode & 0o777 == 0o600
        assert said == ["brought in", "", "brought in"]
