"""The product's own documentation, and a server to pass requests on to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from community.docs.services import import_version
from search.models import IndexEntry
from tests.fakes.upstream import Upstream, running_upstream

SITE = Path(__file__).resolve().parents[3] / "docs" / "site"
# What the import wrote; reading eighty pages for every test would take minutes.
_imported: list[dict[str, Any]] = []


@pytest.fixture
def documentation(db: None) -> None:
    """The index of both versions, as an installation has it."""
    if _imported:
        IndexEntry.objects.bulk_create(IndexEntry(**row) for row in _imported)
        return
    import_version(SITE / "0.9", version="0.9")
    import_version(SITE / "1.0", version="1.0", is_default=True)
    _imported.extend(dict(row) for row in IndexEntry.objects.values())


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running_upstream() as server:
        yield server
