"""Typed reading of the environment. All problems are reported at once.

Every variable may instead be given as ``NAME_FILE``, the path of a file that
holds the value, as container secrets are.
"""

import os
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}

# Shorter than this can be guessed; openssl rand -base64 48 makes a good one.
MIN_SECRET = 32
DEVELOPMENT_MARK = "development-only"

problems: list[str] = []


def text(name: str, default: str = "") -> str:
    """Return the variable ``name``, or the content of the file ``NAME_FILE``."""
    path = os.environ.get(f"{name}_FILE")
    if path and name in os.environ:
        problems.append(f"{name} and {name}_FILE are both set: keep one.")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            problems.append(f"{name}_FILE={path}: {error.strerror}.")
            return default
    return os.environ.get(name, default)


def boolean(name: str, *, default: bool = False) -> bool:
    """Return a switch; refuses to guess what an unknown word means."""
    raw = text(name, "1" if default else "0").lower()
    if raw in _TRUE:
        return True
    if raw not in _FALSE:
        problems.append(f"{name}={raw}: expected 1 or 0.")
    return False


def integer(name: str, default: int) -> int:
    """Return a whole number."""
    raw = text(name, str(default))
    try:
        return int(raw)
    except ValueError:
        problems.append(f"{name}={raw}: expected a whole number.")
        return default


def dated_rate(name: str) -> tuple[Decimal, date] | None:
    """Return ``7.12@2026-11-01`` as a rate and its day; nothing when it is not set."""
    raw = text(name)
    if not raw:
        return None
    value, _at, on = raw.partition("@")
    try:
        rate, day = Decimal(value), date.fromisoformat(on)
    except (InvalidOperation, ValueError):
        rate, day = Decimal(0), date.min
    if not rate.is_finite() or rate <= 0:
        problems.append(f"{name} is a rate and its day, such as 7.12@2026-11-01.")
        return None
    return rate, day


def words(name: str, default: Iterable[str] = ()) -> list[str]:
    """Return the comma-separated words of a variable."""
    raw = text(name)
    return [word.strip() for word in raw.split(",") if word.strip()] or list(default)


def secret(name: str) -> str:
    """Return a required secret, generated or given."""
    value = text(name)
    if not value:
        problems.append(f"{name} is not set.")
    return value


def own_secrets(name: str, development: str) -> list[str]:
    """Return required secrets of our own making, the newest first.

    ``development`` stands in on a developer's machine. Anywhere else it is refused,
    and so is what is short enough to be guessed.
    """
    found = words(name)
    if boolean("DOORSTONE_DEVELOPMENT"):
        return found or [development]
    if not found:
        problems.append(f"{name} is not set: openssl rand -base64 48 makes one.")
    for value in found:
        if DEVELOPMENT_MARK in value:
            problems.append(f"{name} is a development secret: make one of your own.")
        elif len(value) < MIN_SECRET:
            problems.append(f"{name} is shorter than {MIN_SECRET} characters.")
    return found or [""]


def url(name: str, default: str = "") -> SplitResult | None:
    """Return a URL, taken apart."""
    raw = text(name, default)
    if not raw:
        return None
    parts = urlsplit(raw)
    if not parts.scheme:
        problems.append(f"{name}={raw}: expected a URL.")
        return None
    return parts


def database(name: str, default: str = "") -> dict[str, object]:
    """Return Django's settings for a ``postgresql://`` URL (``?host=`` is a socket)."""
    parts = url(name, default)
    if parts is None:
        problems.append(f"{name} is not set: postgresql://user:password@host:5432/name")
        return {"ENGINE": "stores.postgresql"}
    if parts.scheme not in {"postgres", "postgresql"}:
        problems.append(f"{name}: only PostgreSQL is supported, not {parts.scheme}.")
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "stores.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", "") or parts.hostname or ""),
        "PORT": query.get("port", "") or (str(parts.port) if parts.port else ""),
    }


def report() -> None:
    """Raise one error that names every problem found so far."""
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        raise ImproperlyConfigured(f"The environment is not complete:\n{listed}")
