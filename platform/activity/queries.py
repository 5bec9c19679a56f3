from datetime import datetime

from django.db.models import Min

from activity.models import Visitor, VisitorLink


def first_visit_of(user_id: int) -> datetime | None:
    """Return when any of a person's browsers first came here."""
    links = VisitorLink.objects.filter(user_id=user_id)
    first: datetime | None = links.aggregate(at=Min("visitor__first_seen_at"))["at"]
    return first


def count_unlinked_visitors(start: datetime, end: datetime, *, source: str = "") -> int:
    """Count browsers first seen in ``[start, end)`` that nobody has signed in with."""
    visitors = Visitor.objects.filter(
        first_seen_at__gte=start, first_seen_at__lt=end, link=None
    )
    if source:
        visitors = visitors.filter(source=source)
    return visitors.count()
