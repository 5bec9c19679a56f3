"""Whose way an organisation's money is: one rule, for live changes and rebuilds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom an organisation is put down to, and since when they are active in it.

    ``engaged_at`` is empty where nobody of its buying group is in N.
    """

    developer_id: int | None
    engaged_at: datetime | None


def holder_of(
    founder_id: int | None,
    payer_id: int | None,
    *,
    since: Mapping[int, datetime],
    activated: Mapping[int, datetime],
    is_excluded: bool = False,
) -> Holder:
    """Return whom an organisation is put down to; see ``Account``.

    ``since`` is from when each person takes part in its buying group, ``activated``
    from when those of them who are in N are active at all. Of two who were engaged at
    one moment the smaller number is the first, whatever was heard first. One that is
    left out of the figures is put down to nobody.
    """
    if is_excluded:
        return Holder(None, None)
    engaged = {
        pk: max(at, activated[pk]) for pk, at in since.items() if pk in activated
    }
    if founder_id in engaged:
        return Holder(founder_id, engaged[founder_id])
    if engaged:
        at, first = min((at, pk) for pk, at in engaged.items())
        return Holder(first, at)
    return Holder(payer_id or founder_id, None)
