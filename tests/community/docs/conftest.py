"""Folders of documentation, as small as they can be."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that writes pages, ``en/guide.md`` for one, into a folder."""

    def write(pages: dict[str, str], name: str = "docs") -> Path:
        root = tmp_path / name
        if root.exists():
            shutil.rmtree(root)
        for number, (path, body) in enumerate(pages.items()):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            title = file.stem.title()
            front = f"---\ntitle: {title}\ndescription: About {title}.\norder: {number}\n---\n"
            file.write_text(body if body.startswith("---") else front + body)
        return root

    return write
