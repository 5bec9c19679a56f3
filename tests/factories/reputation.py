"""Points for one reason or another."""

import itertools

from accounts.models import User
from community.reputation.models import Entry
from community.reputation.services import award

_numbers = itertools.count(1)


def earned(user: User, reason: str = "answer_accepted", key: str = "") -> Entry | None:
    """Give points under a key of their own."""
    number = next(_numbers)
    return award(
        user.pk,
        reason,
        source_kind="post",
        source_id=number,
        idem_key=key or f"made:{number}",
    )
