"""People who only look: visitors, and the pages they see."""

import random
from datetime import datetime, timedelta

from accounts.models import User
from activity.models import Visitor
from activity.services import NewEvent, write_events
from community.docs.models import Page
from community.forum.models import Topic
from demo.texts import SOURCES

BATCH = 5_000


def create_visits(
    visitors: int,
    views: int,
    people: list[User],
    start: datetime,
    end: datetime,
    rng: random.Random,
) -> None:
    """Create visitors who never sign up, and page views of everybody."""
    span = (end - start).total_seconds()
    rows = []
    for number in range(visitors):
        source, medium, _ = rng.choices(SOURCES, weights=[s[2] for s in SOURCES])[0]
        moment = start + timedelta(seconds=span * rng.random() ** 0.7)
        rows.append(
            Visitor(
                id=f"v_demo_{number:032x}"[:40],
                first_seen_at=moment,
                source=source,
                medium=medium,
                landing_path=rng.choice(("/", "/docs/", "/forum/", "/pricing/")),
            )
        )
    Visitor.objects.bulk_create(rows, batch_size=BATCH)
    subjects = _subjects()
    events: list[NewEvent] = []
    for _ in range(views):
        path, subject = rng.choice(subjects)
        moment = start + timedelta(seconds=span * rng.random() ** 0.7)
        reader = rng.choice(people) if rng.random() < 0.35 else None
        known = reader is not None and reader.date_joined < moment
        events.append(
            NewEvent(
                name="page_viewed",
                occurred_at=moment,
                visitor_id="" if known or not rows else rng.choice(rows).pk,
                user_id=reader.pk if reader is not None and known else None,
                subject=subject,
                path=path,
            )
        )
        if len(events) == BATCH:
            write_events(events)
            events = []
    write_events(events)


def _subjects() -> list[tuple[str, str]]:
    pages = [
        (page.get_absolute_url(), f"doc:{page.version.slug}/{page.path}")
        for page in Page.objects.published()
        .filter(locale="en")
        .select_related("version")
    ]
    topics = [
        (topic.get_absolute_url(), f"topic:{topic.pk}")
        for topic in Topic.objects.listed().order_by("pk")[:200]
    ]
    return [*pages, *topics, ("/", ""), ("/pricing/", ""), ("/models/", "")]
