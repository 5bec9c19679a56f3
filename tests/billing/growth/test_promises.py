"""Whatever happens at once, and whatever crashes: what the tables say afterwards."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, F, Sum

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from billing.growth import services
from billing.growth.deciding import DecisionUnit, replay
from billing.growth.holdout import is_held_out
from billing.growth.models import Decision, Exposure, Offer
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.queries import offer_for_surface
from notifications.models import Kind, Preference
from notifications.services import set_preferences
from tests.billing.growth.conftest import make_offer, put_in_force
from tests.factories.accounts import with_seats
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, MOMENTS, WORKERS = 24, 240, 3


def work(seed: int, deeds: list[tuple[Moment, int, int, str]]) -> None:
    """Go through all deeds in an order of its own; each is tried until it stands."""
    rng = random.Random(seed)  # noqa: S311 - the same order every time
    deeds = deeds.copy()
    rng.shuffle(deeds)
    for moment, organisation_id, user_id, occasion in deeds:
        is_lost = True
        while is_lost:
            with transaction.atomic():
                decided = occur(
                    moment, DecisionUnit(organisation_id, user_id), occasion=occasion
                )
                # A worker that dies here leaves nothing, and another one comes.
                is_lost = rng.random() < 0.2
                transaction.set_rollback(is_lost)
        user = User.objects.get(pk=user_id)
        shown = offer_for_surface(user, "console", organisation_id=organisation_id)
        if shown is not None:
            services.record_exposure(shown.uuid, user=user, surface="console")
            if rng.random() < 0.3:
                services.dismiss_offer(shown.uuid, by=user)
        assert decided.id


def belonging_to(user_id: int) -> list[int]:
    rows = Membership.objects.filter(user_id=user_id).values_list(
        "organisation_id", "organisation__kind"
    )
    teams = [pk for pk, kind in rows if kind == Organisation.Kind.TEAM]
    return teams or [pk for pk, _kind in rows]


def test_nobody_held_out_was_treated_and_no_bound_was_broken(
    person: Callable[..., Any], catalogue: None, settings: Any
) -> None:
    settings.GROWTH_HOLDOUT_PERCENT = 30
    rng = random.Random(11)  # noqa: S311 - the same world every time
    users = [person(f"dev{number}") for number in range(PEOPLE)]
    for number in range(4):
        team = with_seats(create_organisation(f"Team {number}", owner=users[number]), 9)
        for member in rng.sample(users[4:], 4):
            add_member(team, user=member, role=Membership.Role.MEMBER)
    for user in users[-3:]:
        set_preferences(user, {Kind.OFFERS.value: False})
    dear = make_offer("dear", cost_nano=10, budget_nano=65, kind=Offer.Kind.DOCS)
    cheap = make_offer("cheap", surfaces=["console", "mail"])
    for moment in (Moment.THIRD_ANSWER, Moment.COLLEAGUE, Moment.PRICING_TWICE):
        put_in_force(moment, dear, cheap)
    deeds = []
    for number in range(MOMENTS):
        user = rng.choice(users)
        organisation = rng.choice(belonging_to(user.pk))
        moment = rng.choice(
            [Moment.THIRD_ANSWER, Moment.COLLEAGUE, Moment.PRICING_TWICE]
        )
        deeds.append((moment, organisation, user.pk, f"{number % 40}"))

    came = together(*(lambda seed=seed: work(seed, deeds) for seed in range(WORKERS)))

    assert came == [None] * WORKERS
    offered = Decision.objects.filter(offer__isnull=False)
    assert offered.exists()
    assert Exposure.objects.exists()
    # The holdout, by organisation and by person, over every surface.
    for decision in offered:
        assert not is_held_out([decision.organisation_id])
        assert decision.user_id is not None
        assert not is_held_out(belonging_to(decision.user_id))
    for user_id in Exposure.objects.values_list("user_id", flat=True):
        assert not is_held_out(belonging_to(user_id))
    # Consent.
    refused = Preference.objects.filter(kind=Kind.OFFERS, by_email=False)
    assert not Exposure.objects.filter(user__in=refused.values("user")).exists()
    assert not offered.filter(user__in=refused.values("user")).exists()
    # One thing a day for a unit and for a person, one decision for each occasion.
    for names in (("organisation", "offered_on"), ("user", "offered_on")):
        most = offered.values(*names).annotate(n=Count("pk")).order_by("-n")[0]
        assert most["n"] == 1
    asked = {(str(moment), org, occasion) for moment, org, _user, occasion in deeds}
    assert Decision.objects.count() == len(asked)
    # The budget, and that what is reserved is what stands or was accepted.
    dear.refresh_from_db()
    standing = offered.filter(offer=dear, released_at=None)
    assert dear.reserved_nano <= 65
    assert dear.reserved_nano == (standing.aggregate(s=Sum("reserved_nano"))["s"] or 0)
    # Mail waits for the morning of whom it is for, and the log can be replayed.
    night = offered.filter(reach_at__isnull=False, reach_at__lt=F("decided_at"))
    assert not night.exists()
    for decision in Decision.objects.exclude(intended=None).select_related("intended"):
        assert decision.intended is not None
        assert replay(decision) == decision.intended.key


def test_a_moment_at_night_reaches_its_person_in_the_morning(
    person: Callable[..., Any],
    catalogue: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_in_force(Moment.COLLEAGUE, make_offer("talk", surfaces=["mail"]))
    night = datetime(2026, 9, 1, 22, 30, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: night)
    ada = person("ada", time_zone="America/New_York")
    ben = person("ben", time_zone="Europe/Berlin")

    for user in (ada, ben):
        organisation = Membership.objects.get(user=user).organisation_id
        occur(
            Moment.COLLEAGUE,
            DecisionUnit(organisation, user.pk),
            occasion=user.username,
        )

    at = dict(Decision.objects.values_list("user__username", "reach_at"))
    # 18:30 in New York; half past midnight in Berlin, whose eight is six by UTC.
    assert at == {"ada": night, "ben": night + timedelta(hours=7, minutes=30)}
