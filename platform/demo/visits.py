"""People who only look: visitors, the pages they see, and what is counted of it."""

import random
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, chain, islice

from accounts.models import User
from activity.services import NewEvent
from community.docs.models import Page
from community.docs.services import vote_helpful
from community.forum.models import Post, Topic, Vote
from community.forum.services import add_views
from demo.bulk import Stranger, write_log, write_strangers
from demo.calendar import Calendar
from demo.people import LANDING, Company, Person, a_visitor_id, any_source
from demo.planted import readings_before_checkouts, searches_for_what_lacks
from demo.rhythm import Rhythm

# Rows that are written at once; more would only take memory.
BATCH = 50_000
# So many page views are of the newest topics, so many of people who are signed in.
NEWS, KNOWN = 0.3, 0.38
# Weights beside those of pages (up to 30 each) and of all topics together (260).
FIXED = (("/", 30), ("/pricing/", 12), ("/models/", 8), ("/forum/", 22), ("/docs/", 18))


def plan_docs_votes(
    count: int,
    people: Sequence[Person],
    company: Company,
    rhythm: Rhythm,
    calendar: Calendar,
    rng: random.Random,
) -> None:
    """Have readers say whether a page helped them; most pages did."""
    pages = list(Page.objects.published().order_by("pk"))
    if not pages:
        return
    for moment in rhythm.moments(count, rng):
        number, person = rng.randrange(len(pages)), rng.choice(people)
        # Some pages are less clear than others.
        is_helpful = rng.random() < 0.6 + 0.35 * (number % 7) / 6
        if person.joined_at < moment:
            calendar.plan(moment, _judge, pages[number], company, person, is_helpful)


def _judge(page: Page, company: Company, person: Person, is_helpful: bool) -> None:
    voter = f"user:{company[person.username].pk}"
    vote_helpful(page, voter=voter, is_helpful=is_helpful)


def create_visits(
    visitors: int,
    views: int,
    people: Sequence[User],
    rhythm: Rhythm,
    rng: random.Random,
    on_view: Callable[[int], None],
) -> None:
    """Create visitors who never sign up, and the page views of everybody."""
    strangers = [
        Stranger(
            a_visitor_id(rng), moment, any_source(rng).landing_at(rng.choice(LANDING))
        )
        for moment in rhythm.moments(visitors, rng)
    ]
    write_strangers(strangers)
    seen: Counter[int] = Counter()
    events = chain(
        _readings(seen),
        # With luck of its own, so that everything else stays as it was.
        readings_before_checkouts(random.Random("checkouts")),  # noqa: S311
        searches_for_what_lacks(people, rhythm),
        _views(strangers, views, people, rhythm, rng, seen),
    )
    while batch := list(islice(events, BATCH)):
        write_log(batch)
        on_view(len(batch))
    add_views(seen)


def _readings(seen: Counter[int]) -> Iterator[NewEvent]:
    """Yield what people read before they replied or voted."""
    topics = {topic.pk: topic for topic in Topic.objects.only("title")}
    replies = Post.objects.filter(number__gt=1).order_by("pk")
    votes = Vote.objects.order_by("pk")
    for topic_id, user_id, moment in chain(
        replies.values_list("topic_id", "author_id", "created_at").iterator(),
        votes.values_list("post__topic_id", "user_id", "voted_at").iterator(),
    ):
        seen[topic_id] += 1
        yield NewEvent(
            name="page_viewed",
            occurred_at=moment - timedelta(seconds=40),
            user_id=user_id,
            subject=f"topic:{topic_id}",
            path=topics[topic_id].get_absolute_url(),
        )


def _views(
    strangers: Sequence[Stranger],
    views: int,
    people: Sequence[User],
    rhythm: Rhythm,
    rng: random.Random,
    seen: Counter[int],
) -> Iterator[NewEvent]:
    """Yield sittings of one to some pages, until there are enough."""
    places = _places(rng)
    left = views
    while left > 0:
        moment, visitor_id, user_id = _reader(strangers, people, rhythm, rng)
        for _ in range(min(left, 1 + int(rng.expovariate(1 / 2.6)))):
            if moment >= rhythm.end:
                break
            path, subject = places.at(moment, rng)
            if subject.startswith("topic:"):
                seen[int(subject[6:])] += 1
            yield NewEvent(
                name="page_viewed",
                occurred_at=moment,
                visitor_id=visitor_id,
                user_id=user_id,
                subject=subject,
                path=path,
            )
            left -= 1
            moment += timedelta(seconds=8 + rng.expovariate(1 / 70))


def _reader(
    strangers: Sequence[Stranger],
    people: Sequence[User],
    rhythm: Rhythm,
    rng: random.Random,
) -> tuple[datetime, str, int | None]:
    moment = rhythm.moment(rng)
    if rng.random() < KNOWN:
        reader = people[int(len(people) * rng.random() ** 1.5)]
        if reader.date_joined < moment:
            return moment, "", reader.pk
    stranger = rng.choice(strangers)
    # Most come once; some come back within days.
    moment = stranger.first_seen_at
    if rng.random() < 0.3:
        moment += timedelta(days=rng.expovariate(1 / 6))
    return moment, stranger.visitor_id, None


class _Places:
    """The pages there are to see, popular ones more often, topics once they exist."""

    def __init__(self, rows: list[tuple[str, str, float, datetime | None]]) -> None:
        self._rows = rows
        self._sums = list(accumulate(weight for _, _, weight, _ in rows))
        self._topics = sorted(
            (since, path, subject)
            for path, subject, _weight, since in rows
            if since is not None
        )
        self._since = [since for since, _path, _subject in self._topics]

    def at(self, moment: datetime, rng: random.Random) -> tuple[str, str]:
        """Return the path and the subject of a page that exists at ``moment``.

        Many look at what is new: one of the topics on the forum's first page.
        """
        if rng.random() < NEWS:
            there = bisect(self._since, moment)
            if there:
                recent = there - 1 - int(rng.expovariate(1 / 12))
                _, path, subject = self._topics[max(recent, 0)]
                return path, subject
        for _ in range(6):
            path, subject, _weight, since = rng.choices(
                self._rows, cum_weights=self._sums
            )[0]
            if since is None or since < moment:
                return path, subject
        return "/forum/", ""


def _places(rng: random.Random) -> _Places:
    rows: list[tuple[str, str, float, datetime | None]] = [
        (path, "", float(weight), None) for path, weight in FIXED
    ]
    pages = Page.objects.published().filter(locale="en").select_related("version")
    for page in pages.order_by("pk"):
        weight = rng.paretovariate(1.4) * (3 if page.version.is_default else 0.4)
        subject = f"doc:{page.version.slug}/{page.path}"
        rows.append((page.get_absolute_url(), subject, min(weight, 30), None))
    topics = Topic.objects.listed().order_by("pk")
    scale = 260 / max(topics.count(), 1)
    # 5 000 titles are about a megabyte.
    for topic in topics.only("title", "created_at").iterator(chunk_size=5_000):
        weight = min(rng.paretovariate(1.2), 40) * scale
        rows.append(
            (topic.get_absolute_url(), f"topic:{topic.pk}", weight, topic.created_at)
        )
    return _Places(rows)
