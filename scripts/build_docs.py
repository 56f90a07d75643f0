"""Write the table of variables in every role's README, from its argument specification and its defaults.

The table stands between the markers `<!-- variables:begin -->` and `<!-- variables:end -->`; the rest of a README is
written by hand. With --check nothing is written: stale files are named and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from role_variables import ROOT, Role, load_roles

BEGIN, END = "<!-- variables:begin -->", "<!-- variables:end -->"
HEADER = "| Variable | Type | Default | Meaning |\n|---|---|---|---|"


class DocsError(Exception):
    """A README that is not as it should be; the message names the file and the way out."""


def describe_type(option: Mapping[str, Any]) -> str:
    """The type as one reads it: `str`, `list of dict`, with the accepted values when they are a closed set."""
    kind = str(option.get("type", "str"))
    if kind == "list" and option.get("elements"):
        kind = f"list of {option['elements']}"
    if option.get("choices"):
        kind += ": " + ", ".join(f"`{show_value(choice)}`" for choice in option["choices"])
    return kind


def show_value(value: Any) -> str:
    """`value` as YAML on one line, in double quotes where it needs any."""
    style = '"' if isinstance(value, str) and _dump(value).startswith("'") else None
    return _dump(value, style)


def _dump(value: Any, style: str | None = None) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, width=10_000, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()


def describe_default(option: Mapping[str, Any], defaults: Mapping[str, Any], name: str) -> str:
    """What holds when the variable is not set; a nested option has a default only if its specification says so."""
    if option.get("required"):
        return "required"
    if name in defaults:
        return f"`{show_value(defaults[name])}`"
    if "default" in option:
        return f"`{show_value(option['default'])}`"
    return ""


def describe_meaning(option: Mapping[str, Any]) -> str:
    """The description as one paragraph."""
    description = option.get("description", "")
    parts = description if isinstance(description, list) else [description]
    return " ".join(" ".join(str(part).split()) for part in parts)


def render_rows(options: Mapping[str, Any], defaults: Mapping[str, Any], parent: str = "") -> Iterator[str]:
    """A row for each option, and below it one for each option nested directly in it."""
    for name, option in options.items():
        cells = [
            f"`{parent}{name}`",
            describe_type(option),
            describe_default(option, defaults, name),
            describe_meaning(option),
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        if not parent:
            yield from render_rows(option.get("options") or {}, {}, f"{name}.")


def render_table(role: Role) -> str:
    """The table of all variables of `role`, or a sentence if it has none."""
    if not role.options:
        return "This role has no variables."
    return "\n".join([HEADER, *render_rows(role.options, role.defaults)])


def insert_table(readme: str, table: str, path: Path) -> str:
    """Return `readme` with `table` between its markers; DocsError when they are missing or in disorder."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DocsError(f"{path}: put the two markers {BEGIN} and {END} where the table of variables belongs")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def update_readme(role: Role, root: Path, *, check: bool) -> str:
    """Write the README of `role` if it is stale, unless `check`; return what there is to say about it, or nothing.

    Raises DocsError when a person has to do something about the file.
    """
    path = role.path / "README.md"
    shown = path.relative_to(root)
    if not path.exists():
        raise DocsError(f"{shown}: missing; every role says what it does")
    present = path.read_text(encoding="utf-8")
    wanted = insert_table(present, render_table(role), shown)
    if wanted == present:
        return ""
    if check:
        raise DocsError(f"{shown}: its table is stale, run `make docs`")
    path.write_text(wanted, encoding="utf-8")
    return f"wrote {shown}"


def main() -> int:
    """Write, or check, every table; one README that cannot be written does not keep the others from it."""
    parser = argparse.ArgumentParser(description="Write the tables of variables in the role READMEs.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a table is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to work on")
    arguments = parser.parse_args()
    root, failed = arguments.root.resolve(), False
    for role in load_roles(root):
        try:
            said = update_readme(role, root, check=arguments.check)
        except DocsError as error:
            failed = True
            print(error, file=sys.stderr)
        else:
            print(said, end="\n" if said else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
