"""Emptying an organisation's cache."""

from accounts.models import Organisation, User
from audit import services as audit
from inference.caching.answers import remove_all


def remove_answers(organisation: Organisation, *, by: User) -> int:
    """Have every request of an organisation run again; return how many answers went.

    Raises ``Unavailable`` where that cannot be done now; then nothing is recorded.
    """
    count = remove_all(organisation.pk)
    audit.record(
        "cache.emptied",
        actor=by,
        organisation=organisation,
        target=organisation.slug,
        after={"answers": count},
    )
    return count
