from datetime import datetime

from django.db.models import Min, QuerySet

from activity.models import Visitor, VisitorLink


def first_visit_of(user_id: int) -> datetime | None:
    """Return when any of a person's browsers first came here."""
    links = VisitorLink.objects.filter(user_id=user_id)
    first: datetime | None = links.aggregate(at=Min("visitor__first_seen_at"))["at"]
    return first


def unlinked_visitors(
    start: datetime, end: datetime, *, source: str | None = None
) -> QuerySet[Visitor]:
    """Return browsers first seen in ``[start, end)`` that nobody has signed in with."""
    visitors = Visitor.objects.filter(
        first_seen_at__gte=start, first_seen_at__lt=end, link=None
    )
    return visitors if source is None else visitors.filter(source=source)
