"""What was used this month, durably, in billionths of a dollar."""

from django.db import Error as DatabaseError
from django.db.models import Sum
from django.utils import timezone

from core.errors import Unavailable
from inference.directory.callers import Caller
from inference.usage.models import UsageHour
from inference.usage.room import spent_in_month
from stores.threads import in_thread


async def read_spent(caller: Caller) -> tuple[int, int, int, int]:
    """Return what ``load_spent`` does for a caller. Raises ``Unavailable``."""
    rules = caller.rules
    try:
        spent: tuple[int, int, int, int] = await in_thread(
            load_spent,
            caller.organisation_id,
            caller.key_id,
            rules.project_id,
            rules.member_id,
        )
    except DatabaseError as error:
        # Without knowing what was spent nothing more may be.
        raise Unavailable from error
    return spent


def load_spent(
    organisation_id: int,
    key_id: int,
    project_id: int | None = None,
    member_id: int | None = None,
) -> tuple[int, int, int, int]:
    """Return what was used this month, durably.

    By the organisation, the key, its project, and all the keys of who made it.
    """
    now = timezone.now()
    spent = spent_in_month(organisation_id, now.date().replace(day=1))
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    hours = UsageHour.objects.filter(organisation_id=organisation_id, hour__gte=start)
    by_key = hours.filter(key_id=key_id).aggregate(sum=Sum("price_nano"))["sum"]
    by_project = (
        hours.filter(key__project_id=project_id).aggregate(sum=Sum("price_nano"))["sum"]
        if project_id
        else 0
    )
    by_member = (
        hours.filter(key__created_by_id=member_id).aggregate(sum=Sum("price_nano"))[
            "sum"
        ]
        if member_id
        else 0
    )
    return spent, int(by_key or 0), int(by_project or 0), int(by_member or 0)
