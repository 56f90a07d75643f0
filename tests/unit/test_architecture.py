"""The shape of the core: who may import whom, which files are pure, how long things may get.

A new file of the core is entered in LAYERS first; a file which is not there fails.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "module_utils"
LIBRARY = ROOT / "library"

# From top to bottom. A file imports from rows below its own, never from its own row or above. A folder stands for all
# files in it, which may import each other in one direction.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("timescaledb_sandbox/runner",),
    ("timescaledb_sandbox/sandbox",),
    ("timescaledb_sandbox/packages", "timescaledb_sandbox/probe", "timescaledb_sandbox/process"),
    ("timescaledb_sandbox/folder",),
    ("timescaledb_sandbox/model",),
    ("timescaledb_sandbox/errors",),
    ("timescaledb_diagnosis/runner",),
    ("timescaledb_diagnosis/reader", "timescaledb_diagnosis/findings"),
    ("timescaledb_diagnosis/queries", "timescaledb_diagnosis/needs"),
    tuple(f"timescaledb_diagnosis/{name}" for name in ("compression", "rights", "server", "speed")),
    ("timescaledb_diagnosis/jobs", "timescaledb_diagnosis/plans"),
    ("timescaledb_diagnosis/model",),
    ("timescaledb_access/runner",),
    ("timescaledb_access/catalog", "timescaledb_access/parse"),
    ("timescaledb_access/roles", "timescaledb_access/grants"),
    ("timescaledb_access/model", "timescaledb_access/scram"),
    ("alembic_migration/runner",),
    ("alembic_migration/migrate",),
    ("alembic_migration/database", "alembic_migration/scripts", "alembic_migration/tables"),
    ("alembic_migration/plan",),
    ("alembic_migration/losses",),
    ("timescaledb/runner",),
    ("timescaledb/apply",),
    ("timescaledb/execute", "timescaledb/catalog", "timescaledb/arguments"),
    ("timescaledb/session",),
    ("timescaledb/report",),
    ("timescaledb/render", "timescaledb/export"),
    ("timescaledb/guard", "timescaledb/policy_sql"),
    ("timescaledb/requirements", "timescaledb/foresee", "timescaledb/literals"),
    ("timescaledb/plan",),
    ("timescaledb/capabilities", "timescaledb/parse"),
    ("timescaledb/declaration", "timescaledb/fields"),
    ("timescaledb/model",),
    ("timescaledb/sql_text", "timescaledb/timestamps"),
    ("timescaledb/values",),
    ("timescaledb/names",),
    ("timescaledb/login_failures",),
    ("timescaledb/errors",),
)
# Everything else computes: same input, same output, no server, no clock.
IMPURE = {
    *(f"timescaledb_access/{name}" for name in ("runner", "catalog")),
    *(f"timescaledb_diagnosis/{name}" for name in ("runner", "reader")),
    *(f"timescaledb_sandbox/{name}" for name in ("runner", "sandbox", "packages", "probe", "process", "folder")),
    *(f"alembic_migration/{name}" for name in ("runner", "migrate", "database", "scripts", "tables")),
    *(f"timescaledb/{name}" for name in ("runner", "apply", "execute", "session")),
    *(f"timescaledb/catalog/{name}" for name in ("snapshot", "inventory", "rehearsal", "impact")),
}

PURE_IMPORTS = {
    *("__future__", "base64", "binascii", "collections", "dataclasses", "datetime", "decimal", "difflib", "enum"),
    *("functools", "hashlib", "hmac", "itertools", "json", "math", "operator", "re", "string", "stringprep"),
    *("textwrap", "typing", "unicodedata"),
}
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "eval", "exec", "__import__"}

# Words that stand in one place only.
RUNNERS = {
    *("alembic_migration/runner", "timescaledb/runner", "timescaledb_access/runner"),
    *("timescaledb_diagnosis/runner", "timescaledb_sandbox/runner"),
}
HOMES = {
    "check_mode": RUNNERS,
    "exit_json": RUNNERS,
    "fail_json": RUNNERS,
    "psycopg": {"alembic_migration/database", "timescaledb/session"},
    "psycopg2": {"alembic_migration/database", "timescaledb/session"},
}

CORE_FILE_LINES = 300
FUNCTION_LINES = 40
MODULE_BODY_LINES = 80

CORE_FILES = sorted(path.relative_to(CORE).with_suffix("").as_posix() for path in CORE.rglob("*.py"))
CORE_FILES = [name for name in CORE_FILES if not name.endswith("__init__")]
OWN_PACKAGES = tuple(f"ansible.module_utils.{path.name}" for path in CORE.iterdir() if path.is_dir())
MODULES = sorted(LIBRARY.glob("*.py"))


def layer_of(name: str) -> int | None:
    """The row of LAYERS in which `name`, or a folder it lies in, stands."""
    for row, names in enumerate(LAYERS):
        if any(name == entry or name.startswith(f"{entry}/") for entry in names):
            return row
    return None


def imported_core_files(name: str, source: str) -> Iterator[str]:
    """The core files which the core file `name` imports; an absolute import of the core is yielded as written."""
    package = name.split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            path = "/".join(filter(None, base))
            names = [f"{path}/{alias.name}" for alias in node.names]
            yield from (names if (CORE / path).is_dir() else [path])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OWN_PACKAGES):
            yield node.module or ""


def find_upward_imports(name: str, source: str) -> list[str]:
    """One sentence for each import of `name` that does not point downward."""
    row, complaints = layer_of(name), []
    assert row is not None, f"{name} has no row in LAYERS"
    for target in imported_core_files(name, source):
        target_row = layer_of(target)
        in_one_folder = name.rpartition("/")[0] == target.rpartition("/")[0] and name.count("/") > 1
        if target_row is None or not (target_row > row or in_one_folder):
            complaints.append(f"{name} imports {target}, which is not below it")
    return complaints


def find_circle(imports: Mapping[str, Collection[str]]) -> list[str]:
    """A circle among files, each with the files it imports; empty when there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def find_impurities(name: str, source: str) -> list[str]:
    """One sentence for each import or call by which `name` could give two answers to one question."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        complaints += [f"{name} imports {module}" for module in modules if module.split(".")[0] not in PURE_IMPORTS]
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            complaints += [f"{name} calls {called}()"] if called in IMPURE_CALLS else []
    return complaints


def find_strayed_words(name: str, source: str) -> list[str]:
    """One sentence for each identifier in `name` whose home is another file."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    words = {token.string for token in tokens if token.type == tokenize.NAME}
    return [f"{name} says {word}" for word in sorted(words & HOMES.keys()) if name not in HOMES[word]]


def find_long_functions(name: str, source: str) -> list[str]:
    """One sentence for each function of more than FUNCTION_LINES lines, its docstring not counted."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
            length = count_lines(node) - (count_lines(first) if documented else 0)
            if length > FUNCTION_LINES:
                complaints.append(f"{name}: {node.name} has {length} lines, the budget is {FUNCTION_LINES}")
    return complaints


def count_lines(node: ast.stmt) -> int:
    """How many lines of source `node` spans."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def count_module_body(source: str) -> int:
    """How many lines an Ansible module has beyond its documentation."""
    documentation = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    ]
    return len(source.splitlines()) - sum(count_lines(node) for node in documentation)


def builds_ansible_module_in_main(source: str) -> bool:
    """Whether the function main() of an Ansible module calls AnsibleModule by the name it imported from basic."""
    tree = ast.parse(source)
    imported = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "ansible.module_utils.basic"
        and any(alias.name == "AnsibleModule" and not alias.asname for alias in node.names)
        for node in tree.body
    )
    mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    calls = [node for main in mains for node in ast.walk(main) if isinstance(node, ast.Call)]
    return imported and any(getattr(call.func, "id", "") == "AnsibleModule" for call in calls)


def read(name: str) -> str:
    """The source of the core file `name`."""
    return (CORE / f"{name}.py").read_text(encoding="utf-8")


def test_the_core_and_the_modules_are_found() -> None:
    assert len(CORE_FILES) >= 8
    assert len(MODULES) >= 7


@pytest.mark.parametrize("name", CORE_FILES)
class TestEveryCoreFile:
    def test_has_its_row_in_the_table_of_layers(self, name: str) -> None:
        assert layer_of(name) is not None, f"enter {name} in LAYERS of {__file__}, where it belongs"

    def test_imports_only_downward(self, name: str) -> None:
        assert find_upward_imports(name, read(name)) == []

    def test_computes_unless_it_is_named_impure(self, name: str) -> None:
        assert name in IMPURE or find_impurities(name, read(name)) == []

    def test_uses_no_word_whose_home_is_elsewhere(self, name: str) -> None:
        assert find_strayed_words(name, read(name)) == []

    def test_keeps_within_the_length_of_a_file(self, name: str) -> None:
        assert len(read(name).splitlines()) <= CORE_FILE_LINES

    def test_keeps_its_functions_short(self, name: str) -> None:
        assert find_long_functions(name, read(name)) == []


def test_no_file_imports_itself_by_a_detour() -> None:
    assert find_circle({name: set(imported_core_files(name, read(name))) for name in CORE_FILES}) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_and_one_call(path: Path) -> None:
    assert count_module_body(path.read_text(encoding="utf-8")) <= MODULE_BODY_LINES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_builds_its_ansible_module_in_main(path: Path) -> None:
    assert builds_ansible_module_in_main(path.read_text(encoding="utf-8")), (
        "let main() of the file call AnsibleModule(argument_spec=...), imported from ansible.module_utils.basic, and "
        "hand it to the runner: ansible-lint checks the options of playbooks only then (it looks for a main() and "
        "replaces AnsibleModule while it imports the file), and validate-modules insists on the import"
    )


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        pytest.param("model", "from .plan.actions import x", "timescaledb/plan/actions", id="upward"),
        pytest.param("session", "from . import runner", "timescaledb/runner", id="upward-by-name"),
        pytest.param("timestamps", "from .sql_text import x", "timescaledb/sql_text", id="sideways"),
        pytest.param("plan/retention", "from ..guard import x", "timescaledb/guard", id="out-of-a-folder"),
        pytest.param("runner", "from ..alembic_migration.plan import x", "alembic_migration/plan", id="other-package"),
        pytest.param("model", "from .missing import x", "timescaledb/missing", id="unknown"),
        pytest.param(
            "plan/retention",
            "from ansible.module_utils.timescaledb.model import x",
            "ansible.module_utils.timescaledb.model",
            id="absolute",
        ),
    ],
)
def test_an_import_that_does_not_point_downward_is_found(name: str, source: str, target: str) -> None:
    name = f"timescaledb/{name}"
    assert find_upward_imports(name, source) == [f"{name} imports {target}, which is not below it"]


def test_a_circle_of_imports_is_found() -> None:
    assert find_circle({"a": ["b"], "b": ["c"], "c": ["a"]})
    assert not find_circle({"a": ["b", "c"], "b": ["c"]})


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import time",
        "from random import choice",
        "import psycopg.rows",
        "from ansible.module_utils.basic import AnsibleModule",
        "from datetime import datetime\nstamp = datetime.now()",
        "text = open('x').read()",
    ],
)
def test_an_impurity_is_found(source: str) -> None:
    assert len(find_impurities("plan", source)) == 1


def test_a_downward_import_of_a_pure_file_is_fine() -> None:
    source = "from __future__ import annotations\nimport re\nfrom ..model import Hypertable\nfrom .. import names\n"
    name = "timescaledb/plan/policies"
    assert find_upward_imports(name, source) == find_impurities(name, source) == []


def test_a_strayed_word_is_found() -> None:
    assert find_strayed_words("timescaledb/execute", "if module.check_mode: pass") == [
        "timescaledb/execute says check_mode"
    ]


def test_a_long_function_is_found_and_its_docstring_is_not_counted() -> None:
    body = "    x = 1\n" * (FUNCTION_LINES - 1)
    fitting = f'def f():\n    """One\n    two.\n    """\n{body}'
    assert find_long_functions("plan", fitting) == []
    assert len(find_long_functions("plan", fitting + "    x = 1\n")) == 1


def test_documentation_is_not_counted_as_body() -> None:
    source = "# header\nDOCUMENTATION = '''\nmodule: x\n'''\nEXAMPLES = ''''''\nRETURN = r''''''\nimport re\n"
    assert count_module_body(source) == 2
