"""Complain when a role's argument specification and its defaults do not name the same variables.

Every variable is specified once and has its default written once, in defaults/main.yml. Two kinds have no default: a
`required` variable, and one that roles share (its name does not begin with the role's), which an inventory sets.
Prints one line per disagreement and exits 1 if there is any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from role_variables import ROOT, Role, load_roles


def find_disagreements(role: Role) -> Iterator[str]:
    """One sentence for each variable of `role` that the two files do not agree on."""
    for name in sorted(role.defaults.keys() - role.options.keys()):
        yield f"{role.name}: {name} has a default and is missing from meta/argument_specs.yml"
    for name, option in sorted(role.options.items()):
        if option.get("required") and name in role.defaults:
            yield f"{role.name}: {name} is required and yet has a default"
        elif not option.get("required") and name not in role.defaults and name.startswith(f"{role.name}_"):
            yield f"{role.name}: {name} is specified, not required, and has no default in defaults/main.yml"
    for path, nested in walk_options(role.options):
        if "default" in nested and "." not in path:
            yield f"{role.name}: {path} writes its default a second time, in meta/argument_specs.yml"
        if not nested.get("description"):
            yield f"{role.name}: {path} has no description"


def walk_options(options: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every option with its dotted path, nested ones after the option that holds them."""
    for name, option in options.items():
        path = f"{parent}{name}"
        yield path, option
        yield from walk_options(option.get("options") or {}, f"{path}.")


def main() -> int:
    """Check every role."""
    parser = argparse.ArgumentParser(description="Compare the specified variables of each role with its defaults.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to look at")
    roles = list(load_roles(parser.parse_args().root))
    complaints = [complaint for role in roles for complaint in find_disagreements(role)]
    count = f"{len(roles)} role" + ("" if len(roles) == 1 else "s")
    print("\n".join(complaints) or f"variables of {count}: specified and defaulted alike")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
