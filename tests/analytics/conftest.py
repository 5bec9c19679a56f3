from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _own_read_side(settings: Any, tmp_path: Path) -> None:
    """Keep the read side of each test in a folder of its own."""
    settings.ANALYTICS_DIR = tmp_path / "analytics"
