"""Offers that go to a person: a message in the product, and mail if they want it."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, User
from billing.growth import quiet
from billing.growth.models import Decision, Offer
from billing.growth.models.decisions import PURSE
from billing.growth.queries import may_be_treated
from billing.growth.surfaces import Surface
from notifications import services as notifications
from notifications.models import Kind, Notification


def send_offers() -> int:
    """Tell people of offers whose time has come; return how many were told.

    Nobody is told in their quiet hours: who lives elsewhere is told later, by another
    run, and nobody twice.
    """
    now = timezone.now()
    due = Decision.objects.standing().filter(reach_at__lte=now, reached_at=None)
    return sum(_send(pk, now) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _send(pk: int, now: datetime) -> int:
    """Tell of one offer; its row is locked, so that two runs tell nobody twice."""
    # Asked again under the lock: it may have been put away since it was listed.
    standing = Decision.objects.standing().filter(pk=pk, reached_at=None)
    decision = standing.select_for_update(of=("self",)).select_related("offer").first()
    if decision is None or decision.offer is None:
        return 0
    offer = decision.offer
    told = waiting = 0
    for person in _recipients(decision):
        if quiet.is_quiet(now, quiet.zone_of(person.time_zone)):
            waiting += 1
        elif _notify(decision, offer, person):
            told += 1
    if not waiting:
        decision.reached_at = now
        decision.save(update_fields=["reached_at"])
    return told


def _recipients(decision: Decision) -> list[User]:
    people = User.objects.filter(is_active=True)
    if decision.user_id is not None:
        return list(people.filter(pk=decision.user_id))
    purse = Membership.objects.filter(
        organisation_id=decision.organisation_id, role__in=PURSE
    )
    return list(people.filter(pk__in=purse.values("user_id")).order_by("pk"))


def _notify(decision: Decision, offer: Offer, person: User) -> bool:
    key = f"offer:{decision.uuid}"
    if Notification.objects.filter(user=person, dedupe_key=key).exists():
        return False
    if not may_be_treated(person):
        return False
    address = reverse("growth:offer", args=[decision.uuid])
    message = notifications.notify(
        person.pk,
        Kind.OFFERS,
        dedupe_key=key,
        url=f"{address}?from={Surface.MAIL}",
        title=lambda: offer.title,
        body=lambda: offer.body,
    )
    return message is not None
