"""People who wrote elsewhere what was brought here, and have no account.

A row of ``User`` stands for each, since a text has an author. Nobody signs in as one,
nothing is sent to it, and no figure counts it: the database holds all three.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from core.clock import now

# No sign-up may choose a name with a dot, so none is ever in anybody's way, and
# ``@name`` never means one of them.
_MARK = "."
# The column's width.
_MOST = 40
# A domain that is promised never to exist (RFC 2606): no mail can leave for it.
_NOWHERE = "placeholder.invalid"
_UNFIT = re.compile(r"[^A-Za-z0-9_\-\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to have a placeholder: a user name, a name to show, since when."""

    username: str
    name: str
    joined_at: datetime | None = None


@transaction.atomic
def create_placeholders(newcomers: Sequence[Newcomer], *, mark: str) -> list[User]:
    """Make one placeholder for each of ``newcomers``, in their order.

    Its user name ends with ``mark``, which says where they wrote. Nothing is
    published: nobody came.
    """
    wished = [_wish(each.username, mark) for each in newcomers]
    taken = set(
        User.objects.filter(username__in=wished).values_list("username", flat=True)
    )
    rows = []
    for newcomer, name in zip(newcomers, wished, strict=True):
        if name in taken:
            token = secrets.token_hex(3)
            end = f"{_MARK}{token}{_MARK}{mark}"
            name = f"{name.partition(_MARK)[0][: _MOST - len(end)]}{end}"
        taken.add(name)
        user = User(
            username=name,
            email=f"{secrets.token_hex(16)}@{_NOWHERE}",
            display_name=newcomer.name[:80],  # the column's width
            date_joined=newcomer.joined_at or now(),
            is_active=False,
            is_internal=True,
            is_placeholder=True,
        )
        user.set_unusable_password()
        rows.append(user)
    return User.objects.bulk_create(rows)


def _wish(username: str, mark: str) -> str:
    end = f"{_MARK}{mark}"
    fit = _UNFIT.sub("-", username).strip("-").lower() or "somebody"
    return f"{fit[: _MOST - len(end)]}{end}"
