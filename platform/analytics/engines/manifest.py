"""Which files are the read side: one small file, replaced whole.

A reader sees all of a batch or nothing of it. Files are never changed; one that
no manifest names any more is left to those who still read it, then deleted.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson

from analytics.engines.protocol import Position

# Another number when the columns of the files change: older ones are made anew.
FORMAT = 1
# How the read side calls its files. Across machines they lie on a shared disk, where
# other programs may keep theirs.
_OWN = re.compile(
    r"(events-\d{4}-\d{2}|quarantine)-[\w-]+\.(parquet|draft)"
    r"|(links|people|organisations)-[0-9a-f]{16}\.(parquet|draft)"
    r"|manifest\.(json|\d+\.tmp)"
)
# In seconds. The longest question takes some, so nobody reads a file that long.
GRACE = 900


@dataclass(frozen=True, slots=True)
class StoredPart:
    """An immutable Parquet file: its name, its rows, its size in bytes."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The read side as of one moment; ``months`` has the events of a UTC month each."""

    position: Position = field(default_factory=Position)
    months: dict[str, tuple[StoredPart, ...]] = field(default_factory=dict)
    quarantine: tuple[StoredPart, ...] = ()
    dimensions: dict[str, str] = field(default_factory=dict)
    stamp: str = ""
    judged_by: str = ""
    complete_at: datetime | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what ``folder`` holds; an empty one where none can be read."""
        try:
            values = orjson.loads((folder / "manifest.json").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return cls()
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            return cls()
        at = values["complete_at"]
        return cls(
            position=Position(*values["position"]),
            months={
                month: tuple(StoredPart(*part) for part in parts)
                for month, parts in values["months"].items()
            },
            quarantine=tuple(StoredPart(*part) for part in values["quarantine"]),
            dimensions=values["dimensions"],
            stamp=values["stamp"],
            judged_by=values["judged_by"],
            complete_at=datetime.fromisoformat(at) if at else None,
        )

    def write(self, folder: Path) -> None:
        """Make this the read side, at once and also after a power cut."""
        values: dict[str, Any] = {
            "format": FORMAT,
            "position": [self.position.transaction, self.position.event],
            "months": {month: _plain(parts) for month, parts in self.months.items()},
            "quarantine": _plain(self.quarantine),
            "dimensions": self.dimensions,
            "stamp": self.stamp,
            "judged_by": self.judged_by,
            "complete_at": self.complete_at and self.complete_at.isoformat(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"manifest.{os.getpid()}.tmp"
        with draft.open("wb") as file:
            file.write(orjson.dumps(values))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / "manifest.json")

    def with_parts(self, month: str, *parts: StoredPart) -> "Manifest":
        """Return one with more files of a month."""
        return replace(
            self, months={**self.months, month: (*self.months.get(month, ()), *parts)}
        )

    def parts(self) -> Iterator[StoredPart]:
        for parts in self.months.values():
            yield from parts
        yield from self.quarantine

    def names(self) -> set[str]:
        """Return every file that belongs to the read side."""
        return {part.name for part in self.parts()} | set(self.dimensions.values())


def own_files(folder: Path) -> Iterator[Path]:
    """Yield the files in ``folder`` that a read side has written."""
    for path in folder.glob("*"):
        if _OWN.fullmatch(path.name):
            yield path


def sweep(folder: Path, manifest: Manifest) -> None:
    """Delete files that belong to no read side and that nobody can be reading."""
    kept = {*manifest.names(), "manifest.json"}
    for path in own_files(folder):
        if path.name not in kept and time.time() - path.stat().st_mtime > GRACE:
            path.unlink(missing_ok=True)


def _plain(parts: tuple[StoredPart, ...]) -> list[list[Any]]:
    return [[part.name, part.rows, part.size] for part in parts]
