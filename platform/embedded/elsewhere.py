"""A place for the data of a server that cannot reach the project.

As root, PostgreSQL has to run under another account. Where the project lies below
a folder that account may not pass, such as root's own, the data lives here instead
and a link in its old place leads to it. No folder above the project is opened.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from embedded.process import ServiceUnavailable, reaches

BASE = Path("/var/lib/doorstone")


def place_for(home: Path, user: str | None, *, base: Path = BASE) -> Path:
    """Return where the data of ``home`` lies; ``home`` becomes a link if elsewhere."""
    if home.is_symlink() and not home.exists():
        # What it led to is gone, and the data with it.
        home.unlink()
    if home.is_symlink() or reaches(user, home.parent):
        return home.resolve()
    if home.exists():
        raise ServiceUnavailable(
            f"PostgreSQL runs as {user}, who may not pass the folders above {home}. "
            "Move the project or set VAR_DIR to where other accounts may pass, or "
            "run as an ordinary account."
        )
    _prepare(base, user)
    _forget_orphans(base)
    place = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=base))
    place.chmod(0o711)
    (place / "home").write_text(str(home))
    home.symlink_to(place / "data")
    return place / "data"


def reachable_copy(binaries: Path, user: str | None, *, base: Path = BASE) -> Path:
    """Return a folder of the same programs that ``user`` may run."""
    if reaches(user, binaries / "postgres"):
        return binaries
    _prepare(base, user)
    # bin, lib and share belong together, and their libraries lie two folders up.
    install = binaries.parent
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    made = (binaries / "postgres").stat().st_mtime_ns
    mark = hashlib.sha256(f"{binaries} {made}".encode()).hexdigest()[:12]
    target = base / f"postgresql-{mark}"
    if not target.exists():
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=base))
        inner = partial / install.parent.name / install.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                install / part,
                inner / part,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.a", "pkgconfig"),
            )
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name)
        for path in [partial, *partial.rglob("*")]:
            if not path.is_symlink():
                is_open = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if is_open else 0o644)
        partial.rename(target)
    return target / install.parent.name / install.name / "bin"


def _prepare(base: Path, user: str | None) -> None:
    trouble = ""
    try:
        base.mkdir(parents=True, exist_ok=True)
        if base.is_symlink() or base.stat().st_uid != os.geteuid():
            trouble = f"{base} is not ours"
        else:
            base.chmod(0o711)
            if not reaches(user, base):
                trouble = f"{user} cannot reach {base}"
    except OSError as error:
        trouble = str(error)
    if trouble:
        raise ServiceUnavailable(
            f"PostgreSQL runs as {user}, who cannot reach this project, and no place "
            f"could be made for it ({trouble}). Move the project to where other "
            "accounts may pass, or run as an ordinary account."
        )


def _forget_orphans(base: Path) -> None:
    """Remove the data of projects whose ``var`` was emptied."""
    for note in base.glob("*/home"):
        home = Path(note.read_text())
        if home.parent.is_dir() and home.resolve() != note.parent / "data":
            shutil.rmtree(note.parent, ignore_errors=True)
