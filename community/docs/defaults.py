"""The documentation that comes with the product."""

from collections.abc import Iterator
from pathlib import Path

from community.docs import services
from community.docs.models import Version
from community.docs.services import entries_of, import_version, pages_in
from search.meaning import Texts, texts_of
from search.models import IndexEntry
from search.registry import rebuilders
from search.services import rebuild

ROOT = Path(__file__).resolve().parents[2] / "docs" / "site"
# Each with its folder; the last is the one people read.
VERSIONS = ("0.9", "1.0")
# What the sections mean, so that nothing has to be embedded before the first answer.
VECTORS = ROOT / services.VECTORS


def ensure_docs() -> list[str]:
    """Load the versions that are missing; return their names.

    An index that was made before sections had a meaning is built anew.
    """
    missing = [
        version
        for version in VERSIONS
        if not Version.objects.filter(slug=version).exists()
    ]
    has_default = Version.objects.filter(is_default=True).exists()
    for version in missing:
        import_version(
            ROOT / version,
            version=version,
            is_default=version == VERSIONS[-1] and not has_default,
        )
    if IndexEntry.objects.filter(kind="doc", digest="").exists():
        rebuild("doc", rebuilders()["doc"])
    return missing


def texts_of_site() -> Iterator[Texts]:
    """Yield what is embedded of the product's own documentation, from its files."""
    for slug in VERSIONS:
        version = Version(slug=slug)
        for page in pages_in(ROOT / slug, version):
            for entry in entries_of(page):
                yield texts_of(entry.title, entry.heading, entry.text, entry.asked)
