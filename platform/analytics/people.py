"""Who the units of an answer are, as far as the reader may know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Organisation, User
from analytics.answers import FoundUnit
from analytics.questions import UnitKind


@dataclass(frozen=True, slots=True)
class NamedUnit:
    """A unit with its name; ``url`` and the id are empty where they are not shown."""

    public_id: str
    name: str
    url: str
    is_browser: bool
    reached: int
    entered_at: datetime
    reached_at: datetime


def named_units(
    units: Sequence[FoundUnit], kind: UnitKind, *, can_see: bool
) -> list[NamedUnit]:
    """Return the units in their order, in one query. Names are masked for others."""
    known = [unit.id for unit in units if unit.id > 0]
    if kind == UnitKind.PERSON:
        people = User.objects.in_bulk(known)
        names = {
            pk: (one.public_id, one.username, one.get_absolute_url())
            for pk, one in people.items()
        }
    else:
        organisations = Organisation.objects.in_bulk(known)
        names = {pk: (one.public_id, one.name, "") for pk, one in organisations.items()}
    return [_named(unit, names.get(unit.id), can_see=can_see) for unit in units]


def _named(
    unit: FoundUnit, known: tuple[str, str, str] | None, *, can_see: bool
) -> NamedUnit:
    public_id, name, url = known or ("", "", "")
    if not can_see:
        # The first letter tells two lines apart, and nobody by name.
        public_id, name, url = "", f"{name[:1]}•••" if name else "", ""
    return NamedUnit(
        public_id=public_id,
        name=name,
        url=url,
        is_browser=unit.id < 0,
        reached=unit.reached,
        entered_at=unit.entered_at,
        reached_at=unit.reached_at,
    )
