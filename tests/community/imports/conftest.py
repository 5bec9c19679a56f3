"""Running an import as an operator does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from community.imports.services import ImportOrder, ImportOutcome, bring_forum


@pytest.fixture
def bring(settings: Any, tmp_path: Path) -> Callable[..., ImportOutcome]:
    """Return a function that imports an export."""
    settings.VAR_DIR = tmp_path / "var"

    def run(
        format_: str, path: Path, progress: Any = None, **wishes: Any
    ) -> ImportOutcome:
        values = {"slug": "meta", "name": "Meta", **wishes}
        order = ImportOrder(format=format_, path=path, **values)
        if progress is None:
            return bring_forum(order)
        return bring_forum(order, progress=progress)

    return run
