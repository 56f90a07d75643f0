"""Read what a role says of its variables: `meta/argument_specs.yml` (type, meaning), `defaults/main.yml` (value)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Role:
    """One role: its variables as specified for the entry point `main`, and its default values by variable."""

    path: Path
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The role's folder name."""
        return self.path.name


def _load_mapping(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    return content or {}


def load_role(path: Path) -> Role:
    """Read the role in folder `path`; a missing file counts as an empty one."""
    specs = _load_mapping(path / "meta" / "argument_specs.yml").get("argument_specs") or {}
    return Role(
        path=path,
        options=(specs.get("main") or {}).get("options") or {},
        defaults=_load_mapping(path / "defaults" / "main.yml"),
    )


def load_roles(root: Path = ROOT) -> Iterator[Role]:
    """Read every role of the checkout at `root`, by name."""
    for path in sorted((root / "roles").iterdir()):
        if (path / "tasks").is_dir():
            yield load_role(path)
