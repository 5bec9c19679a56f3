"""What the places of drafts are called and where they are: each app names its own.

A place is the address of a page with one form, or a name and a key where a form stands
at several addresses. An app that knows better registers how its places are read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import User


@dataclass(frozen=True, slots=True)
class DraftPlace:
    """Where a draft is gone on with: a title, and an address if there is one."""

    title: str | Promise
    url: str = ""


# Gets the keys or addresses that are asked for; leaves out what the person cannot see.
Reader = Callable[[User, Iterable[str]], Mapping[str, DraftPlace]]
_named: dict[str, Reader] = {}
_addressed: dict[str, Reader] = {}


def register_name(name: str, read: Reader) -> None:
    """Have ``read`` find the places ``name:key`` by their keys, all in one go."""
    _named[name] = read


def register_address(prefix: str, read: Reader) -> None:
    """Have ``read`` find the places whose address begins so; the longest one does."""
    _addressed[prefix] = read


def places_of(user: User, places: Iterable[str]) -> dict[str, DraftPlace]:
    """Return what each place is called, at one question to each app that knows some."""
    asked: dict[Reader, dict[str, str]] = {}
    found: dict[str, DraftPlace] = {}
    for place in places:
        reader, key = _reader_of(place)
        if reader is not None:
            asked.setdefault(reader, {})[key] = place
        # A page's own address is an answer as well; a name without a reader is none.
        is_address = place.startswith("/")
        found[place] = (
            DraftPlace(place, place)
            if is_address
            else DraftPlace(_("A form of another page"))
        )
    for reader, keys in asked.items():
        for key, read in reader(user, list(keys)).items():
            found[keys[key]] = read
    return found


def _reader_of(place: str) -> tuple[Reader | None, str]:
    if not place.startswith("/"):
        name, _colon, key = place.partition(":")
        return _named.get(name), key
    known = [prefix for prefix in _addressed if place.startswith(prefix)]
    return (_addressed[max(known, key=len)], place) if known else (None, place)
