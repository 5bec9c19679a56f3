"""One stylesheet out of many files, so that a page costs one request for it."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

FOLDER = Path(__file__).resolve().parent / "static" / "design" / "css"
_IMPORT = re.compile(r'@import url\("([^"]+)"\) layer\((\w+)\);\n')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """The text, its gzip form and the name it is cached under for ever."""

    text: bytes
    compressed: bytes
    digest: str


def stylesheet() -> Stylesheet:
    """Return the whole stylesheet; in development an edit shows at once."""
    is_edited = getattr(settings, "WHITENOISE_AUTOREFRESH", False)
    stamp = _changed_at() if is_edited else 0
    return _build(stamp)


def _changed_at() -> int:
    return max(path.stat().st_mtime_ns for path in FOLDER.rglob("*.css"))


@lru_cache(maxsize=2)
def _build(stamp: int) -> Stylesheet:
    text = _IMPORT.sub(_inline, (FOLDER / "app.css").read_text())
    text = _COMMENT.sub("", text)
    text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    data = text.encode()
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Stylesheet(data, gzip.compress(data, 9, mtime=0), digest)


def _inline(found: re.Match[str]) -> str:
    path, layer = found.groups()
    return f"@layer {layer} {{\n{(FOLDER / path).read_text()}}}\n"
