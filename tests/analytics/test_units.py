"""Who an event counts for: a browser's owner, an organisation, or nobody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Membership, Organisation
from activity.models import Visitor, VisitorLink
from analytics.questions import UnitKind
from tests.analytics.logs import counts, fed_rows, funnel_of, note, view

pytestmark = pytest.mark.django_db(transaction=True)


def test_linking_a_browser_moves_its_events_and_rewrites_no_file_of_them(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    browser = Visitor.objects.create(
        id="v_ada", first_seen_at=timezone.now(), source="direct"
    )
    view("/", 0, visitor_id="v_ada")
    note("email_verified", 5, user_id=ada.pk, properties={"user_id": ada.pk})
    fed_rows()
    before = _events_on_disk()
    apart = counts(funnel_of("page_viewed", "email_verified"))

    VisitorLink.objects.create(visitor=browser, user=ada, linked_at=timezone.now())
    fed_rows()

    assert apart == [1, 0]
    assert counts(funnel_of("page_viewed", "email_verified")) == [1, 1]
    assert _events_on_disk() == before


def test_staff_test_people_and_the_deactivated_are_left_out_at_once(
    person: Callable[..., Any],
) -> None:
    people = [person(name) for name in ("ada", "bea", "cem", "dev")]
    for each in people:
        view("/", 0, user_id=each.pk)
        view("/", 1, user_id=each.pk)
    fed_rows()
    before = counts(funnel_of("page_viewed", "page_viewed"))

    for each, flag in zip(people, ("is_staff", "is_internal"), strict=False):
        setattr(each, flag, True)
        each.save()
    people[2].is_active = False
    people[2].save()
    fed_rows()

    assert before == [4, 4]
    assert counts(funnel_of("page_viewed", "page_viewed")) == [1, 1]
    assert counts(
        funnel_of("page_viewed", "page_viewed", unit=UnitKind.ORGANISATION)
    ) == [
        1,
        1,
    ]


def test_an_organisation_counts_once_for_all_its_people(
    person: Callable[..., Any],
) -> None:
    ada, bea = person("ada"), person("bea")
    team = Organisation.objects.create(slug="team", name="Team", kind="team")
    for each in (ada, bea):
        Membership.objects.create(organisation=team, user=each, role="member")
    view("/", 0, user_id=ada.pk)
    view("/", 1, user_id=bea.pk)
    note("invoice_paid", 5, organisation_id=team.pk, properties={"amount": 5})
    fed_rows()

    people = counts(funnel_of("page_viewed", "invoice_paid"))
    organisations = counts(
        funnel_of("page_viewed", "invoice_paid", unit=UnitKind.ORGANISATION)
    )

    assert people == [2, 0]
    assert organisations == [1, 1]


def test_who_asked_not_to_be_known_is_no_unit() -> None:
    view("/", 0)
    view("/", 1)

    assert fed_rows() == 2
    assert counts(funnel_of("page_viewed", "page_viewed")) == [0, 0]


def _events_on_disk() -> dict[str, int]:
    return {
        path.name: path.stat().st_mtime_ns
        for path in Path(settings.ANALYTICS_DIR).glob("events-*.parquet")
    }
