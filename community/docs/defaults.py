"""The documentation that comes with the product."""

from pathlib import Path

from community.docs.models import Version
from community.docs.services import import_version

ROOT = Path(__file__).resolve().parents[2] / "docs" / "site"
# Each with its folder; the last is the one people read.
VERSIONS = ("0.9", "1.0")


def ensure_docs() -> list[str]:
    """Load the versions that are missing; return their names."""
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
    return missing
