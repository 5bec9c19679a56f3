"""What the activity log says the people of organisations met before they paid."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F

from billing.attribution.assets import Asset, arrival_of, met_in
from billing.attribution.models import AssetKind
from billing.conversion.models import GroupMember, counts

# The longest window a report can ask for, a quarter; older touches are not kept.
LONGEST_LOOKBACK = timedelta(days=90)
# A view of a page says what was seen, and an arrival how a person came to it.
EVENTS = ("page_viewed", "topic_created", "reply_posted", "contribution_credited")
# What a person did in one browser or another, signed in or linked to it later.
TOUCHES_SQL = """
WITH member AS (
  SELECT * FROM unnest(%(organisations)s::bigint[], %(people)s::bigint[],
                       %(ends)s::timestamptz[])
    AS row(way_id, person_id, ended_at)
), seen AS (
  SELECT m.way_id, m.person_id, e.*
  FROM member m JOIN activity_event e ON e.user_id = m.person_id
  WHERE e.occurred_at > m.ended_at - %(lookback)s AND e.occurred_at <= m.ended_at
  UNION ALL
  SELECT m.way_id, m.person_id, e.*
  FROM member m JOIN activity_visitorlink l ON l.user_id = m.person_id
  JOIN activity_event e ON e.visitor_id = l.visitor_id
  WHERE e.visitor_id <> '' AND e.user_id IS NULL
    AND e.occurred_at > m.ended_at - %(lookback)s AND e.occurred_at <= m.ended_at
)
SELECT way_id, person_id, occurred_at, name, subject,
       properties->'touch'->>'source', properties->'touch'->>'campaign'
FROM seen
WHERE name = ANY(%(names)s)
  AND (name <> 'page_viewed' OR subject <> '' OR properties->'touch' IS NOT NULL)
ORDER BY way_id, occurred_at, id
"""
# A browser whose first visit was before arrivals were kept has its source.
FIRST_VISITS_SQL = """
SELECT m.way_id, m.person_id, v.first_seen_at, v.source, v.campaign
FROM unnest(%(organisations)s::bigint[], %(people)s::bigint[], %(ends)s::timestamptz[])
  AS m(way_id, person_id, ended_at)
JOIN activity_visitorlink l ON l.user_id = m.person_id
JOIN activity_visitor v ON v.id = l.visitor_id
WHERE v.first_seen_at > m.ended_at - %(lookback)s AND v.first_seen_at <= m.ended_at
ORDER BY v.first_seen_at, v.id
"""
ANSWERS_SQL = """
SELECT subject, occurred_at, name = 'answer_accepted', properties->>'answer_id'
FROM activity_event
WHERE name IN ('answer_accepted', 'answer_unaccepted') AND subject = ANY(%s)
ORDER BY occurred_at, id
"""


@dataclass(frozen=True, slots=True)
class EndedWay:
    """An organisation whose way is over, and when; see ``models.Way``."""

    organisation_id: int
    ended_at: datetime
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Met:
    """One person of an organisation met an asset."""

    organisation_id: int
    user_id: int
    asset: Asset
    at: datetime


def touches_of(ways: Sequence[EndedWay]) -> Iterator[Met]:
    """Yield what each way's people met, in no order. Four queries.

    A person counts who belonged to the buying group by the end and whom figures are
    about. Who looks at a topic that has an accepted answer by then meets the
    answer, and else the topic.
    """
    values = _members(ways)
    if not values["people"]:
        return
    with connection.cursor() as cursor:
        cursor.execute(FIRST_VISITS_SQL, values)
        first = [
            Met(pk, user_id, asset, at)
            for pk, user_id, at, source, campaign in cursor.fetchall()
            for asset in arrival_of(source, campaign)
        ]
        cursor.execute(TOUCHES_SQL, values)
        events = cursor.fetchall()
    answered = _answers({subject for _pk, _who, _at, _name, subject, *_ in events})
    yield from first
    for pk, user_id, at, name, subject, source, campaign in events:
        for asset in (*arrival_of(source, campaign), *met_in(name, subject)):
            yield Met(pk, user_id, answered.instead_of(asset, at), at)


def _members(ways: Sequence[EndedWay]) -> dict[str, Any]:
    ends = {way.organisation_id: way.ended_at for way in ways}
    parts = (
        GroupMember.objects.filter(account__in=list(ends))
        .filter(counts("developer__"))
        .annotate(organisation_id=F("account_id"), user_id=F("developer_id"))
        .order_by("organisation_id", "user_id")
        .values_list("organisation_id", "user_id", "since")
    )
    members = sorted({(pk, user) for pk, user, since in parts if since <= ends[pk]})
    return {
        "organisations": [pk for pk, _user in members],
        "people": [user for _pk, user in members],
        "ends": [ends[pk] for pk, _user in members],
        "lookback": LONGEST_LOOKBACK,
        "names": list(EVENTS),
    }


class _Answers:
    """Which answer a topic had at each moment."""

    def __init__(self, rows: Iterable[tuple[str, datetime, bool, str]]) -> None:
        self._since: dict[str, list[datetime]] = defaultdict(list)
        self._answer: dict[str, list[str | None]] = defaultdict(list)
        for subject, at, is_accepted, answer in rows:
            _kind, _sign, topic = subject.partition(":")
            standing = self._answer[topic][-1] if self._answer[topic] else None
            # Taking the mark off one answer takes nothing from the one after it.
            if is_accepted or standing == answer:
                self._since[topic].append(at)
                self._answer[topic].append(answer if is_accepted else None)

    def instead_of(self, asset: Asset, at: datetime) -> Asset:
        if asset.kind != AssetKind.TOPIC:
            return asset
        place = bisect_right(self._since[asset.key], at)
        answer = self._answer[asset.key][place - 1] if place else None
        return Asset(AssetKind.ANSWER, answer) if answer else asset


def _answers(subjects: set[str]) -> _Answers:
    topics = sorted(each for each in subjects if each.startswith("topic:"))
    if not topics:
        return _Answers(())
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS_SQL, [topics])
        return _Answers(cursor.fetchall())
