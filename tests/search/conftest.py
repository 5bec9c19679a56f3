import itertools
from collections.abc import Callable
from typing import Any

import pytest

from search.models import IndexEntry
from search.services import Findable, index

_numbers = itertools.count(1)
Put = Callable[..., IndexEntry]


@pytest.fixture
def put(db: None) -> Put:
    """Return a function that makes something findable."""

    def put_one(title: str = "", text: str = "", **fields: Any) -> IndexEntry:
        values = {"kind": "topic", "object_id": next(_numbers), "url": "/", **fields}
        entry = Findable(title=title, text=text, **values)
        index([entry])
        return IndexEntry.objects.get(
            kind=entry.kind,
            object_id=entry.object_id,
            part=entry.part,
            version=entry.version,
            locale=entry.locale,
        )

    return put_one
