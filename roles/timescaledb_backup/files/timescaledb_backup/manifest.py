# Copyright: (c) 2026, the aetherlens-timescaledb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a backup: the manifest that lies in its folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import DamageError
from .moments import parse

VERSION = 1
FILE = "manifest.json"
DIGEST = "sha256"
_NUMBER = (int, float)
_KINDS: Dict[str, Tuple[type, ...]] = {
    "name": (str,),
    "sequence": (int,),
    "began": (str,),
    "finished": (str,),
    "seconds": _NUMBER,
    "format": (str,),
    "compression": (str,),
    "database": (dict,),
    "postgresql": (dict,),
    "timescaledb": (dict, type(None)),
    "alembic_revision": (str, type(None)),
    "census": (dict,),
    "files": (dict,),
    "bytes": (int,),
    "toc_entries": (int, type(None)),
    "declared": (dict,),
}


@dataclass(frozen=True)
class Manifest:
    """One backup.

    files: relative path to {"bytes", "sha256"}; census: what the database held, see `census`; database: its properties,
    see `census.read_properties`; timescaledb: {"version", "edition", "default_version"}, None without the extension;
    times are UTC in ISO 8601.
    """

    name: str
    sequence: int
    began: str
    finished: str
    seconds: float
    format: str
    compression: str
    database: Mapping[str, Any]
    postgresql: Mapping[str, Any]
    timescaledb: Optional[Mapping[str, Any]]
    alembic_revision: Optional[str]
    census: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Mapping[str, Any]]
    bytes: int
    toc_entries: Optional[int] = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION

    def to_text(self) -> str:
        """As the file has it."""
        return json.dumps(seal(dataclasses.asdict(self)), indent=1, sort_keys=True) + "\n"


def seal(content: Mapping[str, Any]) -> Dict[str, Any]:
    """What a manifest says together with the digest of it, by which a flipped bit is told from what was counted."""
    kept = {name: value for name, value in content.items() if name != DIGEST}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return {**kept, DIGEST: hashlib.sha256(text.encode()).hexdigest()}


def parse_manifest(text: str, where: str) -> Manifest:
    """Read a manifest. Raises DamageError, with the place, where it is none of this version."""
    try:
        content: Dict[str, Any] = json.loads(text)
        if content["version"] != VERSION:
            raise DamageError(f"{where} is of version {content['version']}, which this program does not know.")
        if content != seal(content):
            raise DamageError(f"{where} is damaged: it is not what its digest, {DIGEST}, was made of.")
        manifest = Manifest(**{name: value for name, value in content.items() if name != DIGEST})
        _check(manifest)
    except KeyError as error:
        raise DamageError(f"{where} is damaged: {error} is missing.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise DamageError(f"{where} is damaged: {error}.") from error
    return manifest


def _check(manifest: Manifest) -> None:
    """Raise ValueError or KeyError for what the program would stumble over: one damaged backup must not hide others."""
    for name, kinds in _KINDS.items():
        if not isinstance(getattr(manifest, name), kinds):
            raise ValueError(f"{name} is {getattr(manifest, name)!r}")
    parse(manifest.began)
    parse(manifest.finished)
    for name, facts in manifest.files.items():
        if not isinstance(facts["bytes"], int) or not isinstance(facts["sha256"], str):
            raise ValueError(f"files has {name} with {facts!r}")
