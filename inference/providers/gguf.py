"""Files of models that this machine is to serve, between a command and ``make run``.

The command writes which files are wanted into ``VAR_DIR/models/wanted.json``; what
serves them answers in ``serving.json`` beside it. Both files are their owner's only.
"""

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

MAGIC = b"GGUF"
# What serves looks every quarter of a second, unless it is starting something.
NOTICED = 10
# A file of some gigabytes from a slow disk.
LOADED = 300


class NotServed(Exception):
    """A file is not served on this machine; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to serve. ``context`` is in tokens, for each of two requests at a time."""

    path: str
    context: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What became of a wanted file: where it is served, or what is in the way."""

    url: str
    key: str
    is_ready: bool
    trouble: str = ""


def check_file(path: Path) -> None:
    """Raise ``NotServed`` for what is no model's file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise NotServed(f"{path} cannot be read: {error.strerror}.") from error
    if magic != MAGIC:
        raise NotServed(f"{path} is no GGUF file: it does not begin with GGUF.")


def wanted(folder: Path | None = None) -> dict[str, Wanted]:
    """Return the files to serve, by the name they have in the catalogue."""
    raw = _read(_folder(folder) / "wanted.json")
    return {name: Wanted(**value) for name, value in raw.items()}


def served(folder: Path | None = None) -> dict[str, Served]:
    raw = _read(_folder(folder) / "serving.json")
    return {name: Served(**value) for name, value in raw.items()}


def tell(found: dict[str, Served], folder: Path) -> None:
    """Say what is served; the command waits for it."""
    _write(folder / "serving.json", {n: asdict(each) for n, each in found.items()})


def want(name: str, wish: Wanted) -> None:
    _write(
        _folder() / "wanted.json",
        {n: asdict(each) for n, each in {**wanted(), name: wish}.items()},
    )


def forget(name: str) -> None:
    """Want a file no more; what serves it ends."""
    rest = {n: asdict(each) for n, each in wanted().items() if n != name}
    if len(rest) != len(wanted()):
        _write(_folder() / "wanted.json", rest)


def wait_until_served(name: str, *, noticed: float = NOTICED) -> Served:
    """Wait until a wanted file is served. Raises ``NotServed``."""
    began = time.monotonic()
    while True:
        found = served().get(name)
        passed = time.monotonic() - began
        if found and found.trouble:
            raise NotServed(found.trouble)
        if found and found.is_ready:
            return found
        if found is None and passed > noticed:
            raise NotServed(
                "Nothing here serves it: start `make run` (without MODELS=0), then "
                "again. Elsewhere run `llama-server -m FILE --port 8100` and add it as "
                "`models add openai http://127.0.0.1:8100/v1`."
            )
        if passed > LOADED:
            raise NotServed(f"It was not loaded in {LOADED} s.")
        time.sleep(0.1)


def _folder(folder: Path | None = None) -> Path:
    return folder or Path(settings.VAR_DIR) / "models"


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        # Written whole or not at all: what cannot be read was never there.
        return {}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
    partial.replace(path)
