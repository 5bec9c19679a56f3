"""Secrets shown right after they were made, at an address that can be opened again.

A form that makes a key answers with a redirect; the page it leads to finds the secret
here for some minutes, in this session only and encrypted. After that nobody can show
it: the tables hold its fingerprint.
"""

import json
import time
from collections.abc import Mapping

from cryptography.fernet import InvalidToken
from django.http import HttpRequest

from core.crypto import decrypt, encrypt

_SESSION_KEY = "shown_once"
# Long enough to change the language, mistype an address and come back with the button.
MINUTES = 10
# A session is read with every page: it carries the latest few, not a collection.
_MOST = 5


def hold(request: HttpRequest, name: str, values: Mapping[str, str]) -> None:
    """Keep ``values`` for the page called ``name``, until its minutes are over."""
    held = _held(request)
    held[name] = {
        "until": time.time() + 60 * MINUTES,
        "values": encrypt(json.dumps(dict(values))),
    }
    request.session[_SESSION_KEY] = dict(list(held.items())[-_MOST:])


def held(request: HttpRequest, name: str) -> dict[str, str] | None:
    """Return what is kept for ``name``; nothing once its minutes are over."""
    entry = _held(request).get(name)
    if entry is None:
        return None
    try:
        values: dict[str, str] = json.loads(decrypt(str(entry["values"])))
    except InvalidToken:
        return None
    return values


def discard(request: HttpRequest, name: str) -> None:
    """Forget what is kept for ``name``."""
    request.session[_SESSION_KEY] = {
        each: entry for each, entry in _held(request).items() if each != name
    }


def _held(request: HttpRequest) -> dict[str, dict[str, float | str]]:
    entries: dict[str, dict[str, float | str]] = request.session.get(_SESSION_KEY, {})
    now = time.time()
    return {name: e for name, e in entries.items() if float(e["until"]) > now}
