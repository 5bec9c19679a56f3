"""What an event has to look like to be counted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

# How JSON calls the kinds of values the log's properties have.
KINDS = ("integer", "number", "text", "boolean", "any")
UNKNOWN = "unknown"
MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Names, and of each the kinds of its properties; one that is absent fits."""

    schemas: Mapping[str, Mapping[str, str]]

    @property
    def digest(self) -> str:
        """Return the same for dictionaries that judge alike."""
        listed = sorted(
            (name, sorted(schema.items())) for name, schema in self.schemas.items()
        )
        return hashlib.sha256(repr(listed).encode()).hexdigest()[:16]
