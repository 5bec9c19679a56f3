"""Following, muting and blocking people."""

from django.db import transaction

from accounts.models import User
from community.people.exceptions import OwnPerson, TooManyStances
from community.people.models import Stance
from stores import limiter

# As many as posts are kept: a list, not a mirror of the directory.
MOST = 2_000


@transaction.atomic
def set_stance(
    person: User, *, by: User, kind: Stance.Kind | None, limited: bool = True
) -> None:
    """Follow, mute or block ``person``, or none of these; the last wish holds.

    ``person`` is never told. Raises ``OwnPerson``, ``TooManyStances`` or
    ``RateLimited``.
    """
    if person.pk == by.pk:
        raise OwnPerson
    if kind is None:
        Stance.objects.filter(user=by, person=person).delete()
        return
    if limited:
        # An afternoon of looking through the directory.
        limiter.check("stance", by.pk, limit=200, period=86_400)
    mine = Stance.objects.filter(user=by)
    if mine.count() >= MOST and not mine.filter(person=person).exists():
        raise TooManyStances
    Stance.objects.update_or_create(user=by, person=person, defaults={"kind": kind})
