"""Whom a campaign is for: the units of a segment, or whom a moment occurred to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import F
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Membership, Organisation
from analytics.answers import PeopleAnswer
from analytics.engines import engine
from analytics.question_forms import SegmentForm
from analytics.questions import Funnel, People, Rule, Segment, Span, UnitKind
from billing.growth.exceptions import SegmentUnreadable
from billing.growth.holdout import is_kept_from_campaign
from billing.growth.models import Campaign, Decision
from notifications.models import Kind, Preference

# A page of members is one query of the read side and one of the database.
PAGE = 1_000
# What may be asked of the read side at most; a rule without days looks at all of it.
LONGEST = timedelta(days=1_000)
# How far back the editor counts whom a moment occurred to.
LATELY = timedelta(days=30)
# A decision whose transaction was slow is in the table later than it is dated.
LATE = timedelta(hours=1)

# An organisation, and which of its people the offers are for; None: its purse.
Units = dict[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCount:
    """How many organisations a campaign is for, and what becomes of them at once."""

    units: int
    refusing: int
    held_out: int

    @property
    def reachable(self) -> int:
        """Who could be offered something now; the permanent holdout is among them."""
        return self.units - self.refusing - self.held_out


def segment_of(query: str) -> Segment:
    """Return a saved segment as of now. Raises ``SegmentUnreadable``."""
    form = SegmentForm(QueryDict(query))
    form.is_valid()
    if not isinstance(form.question, Segment):
        raise SegmentUnreadable
    return form.question


def units_in_segment(query: str) -> Units:
    """Return the units of a segment: each person stands for their organisation.

    Of several people of one organisation it is the one with the lowest number. Raises
    ``SegmentUnreadable``, and ``NoAnswer`` while the read side is away.
    """
    segment = segment_of(query)
    found: Units = {}
    members = _members(segment)
    while ids := list(islice(members, PAGE)):
        if segment.unit == UnitKind.ORGANISATION:
            known = Organisation.objects.filter(pk__in=ids).values_list("pk", flat=True)
            found |= dict.fromkeys(known)
        else:
            for user_id, organisation_id in _organisations_of(ids).items():
                found.setdefault(organisation_id, user_id)
    return found


def units_at_moment(campaign: Campaign, since: datetime) -> Units:
    """Return whom a campaign's moment occurred to since then, the latest person each.

    Whatever was decided at the moment: whom it was to be offered to is what counts.
    """
    rows = (
        Decision.objects.filter(moment=campaign.moment, decided_at__gte=since)
        .order_by("decided_at", "pk")
        .values_list("organisation_id", "user_id")
    )
    return dict(rows)


def count_audience(campaign: Campaign) -> AudienceCount:
    """Count whom a campaign would be for if it began now.

    Of a moment those are whom it occurred to in the last 30 days. Raises
    ``SegmentUnreadable`` and ``NoAnswer``.
    """
    units: Units | None = None
    if campaign.moment:
        units = units_at_moment(campaign, timezone.now() - LATELY)
    if campaign.segment_query:
        inside = units_in_segment(campaign.segment_query)
        units = inside if units is None else _both(units, inside)
    units = units or {}
    refusing = _refusing(units)
    held_out = sum(
        is_kept_from_campaign(campaign.key, campaign.holdout_percent, pk)
        for pk in units.keys() - refusing
    )
    return AudienceCount(units=len(units), refusing=len(refusing), held_out=held_out)


def audience_of(campaign: Campaign) -> tuple[Units, Units | None]:
    """Return who enters a campaign now, and all units of its segment, if it has one.

    Raises ``SegmentUnreadable`` and ``NoAnswer``.
    """
    inside = (
        units_in_segment(campaign.segment_query) if campaign.segment_query else None
    )
    if not campaign.moment:
        return inside or {}, inside
    began = campaign.looked_at or campaign.started_at or timezone.now()
    entering = units_at_moment(
        campaign, max(began - LATE, campaign.started_at or began)
    )
    return entering if inside is None else _both(entering, inside), inside


def _both(units: Units, others: Units) -> Units:
    return {pk: user_id for pk, user_id in units.items() if pk in others}


def _members(segment: Segment) -> Iterator[int]:
    """Yield the accounts of a segment, once each; browsers have numbers below 0.

    Who keeps all rules has done what the first of them says, and of "any" one of them:
    so they are among the people who did that, whom the read side lists page by page.
    """
    seen: set[int] = set()
    done = [rule for rule in segment.rules if not rule.is_negated]
    for rule in done[:1] if segment.matches_all else done:
        for unit in _who_did(rule, segment):
            if unit > 0 and unit not in seen:
                seen.add(unit)
                yield unit


def _who_did(rule: Rule, segment: Segment) -> Iterator[int]:
    span = LONGEST if rule.days is None else timedelta(days=rule.days)
    funnel = Funnel(
        # A funnel has two steps; who has come to the first is who did it.
        steps=(rule.step, rule.step),
        period=Span(segment.as_of - span, segment.as_of),
        unit=segment.unit,
        segment=segment,
    )
    after: int | None = None
    while True:
        answer = engine().answer(
            People(funnel=funnel, reached=1, after=after, most=PAGE)
        )
        assert isinstance(answer, PeopleAnswer)  # noqa: S101 - it was asked for people
        yield from (unit.id for unit in answer.units)
        if answer.next_after is None:
            return
        after = answer.next_after


def _organisations_of(user_ids: Iterable[int]) -> dict[int, int]:
    """Return what stands for each person: the team joined first, else their own.

    As ``services.unit_of``, for many at once.
    """
    rows = (
        Membership.objects.filter(user_id__in=user_ids)
        .annotate(kind=F("organisation__kind"))
        .order_by("user_id", "created_at", "organisation_id")
        .values_list("user_id", "organisation_id", "kind")
    )
    own: dict[int, int] = {}
    teams: dict[int, int] = {}
    for user_id, organisation_id, kind in rows:
        places = teams if kind == Organisation.Kind.TEAM else own
        places.setdefault(user_id, organisation_id)
    return {user_id: teams.get(user_id, pk) for user_id, pk in own.items()} | teams


def _refusing(units: Units) -> set[int]:
    """Return the units whose person wants no offers."""
    refused = set(
        Preference.objects.filter(kind=Kind.OFFERS, by_email=False).values_list(
            "user_id", flat=True
        )
    )
    owners = dict(
        Organisation.objects.filter(
            pk__in=[pk for pk, user_id in units.items() if user_id is None]
        ).values_list("pk", "owner_id")
    )
    return {
        pk
        for pk, user_id in units.items()
        if (owners.get(pk) if user_id is None else user_id) in refused
    }
