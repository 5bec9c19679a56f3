"""What is offered in the demo, and what people make of it, evening after evening."""

import random
from datetime import timedelta

from django.utils import timezone

from accounts.models import Membership, User
from billing.growth import editing, learning, scoring, services
from billing.growth.catalogue import ensure_default_offers
from billing.growth.models import Decision, Offer
from billing.growth.models.decisions import PURSE

# These lead somewhere and give nothing away, so they change nothing else of the demo.
ACTIVE = ("talk_to_us", "pay_yearly", "more_allowance", "limits_guide", "office_hour")
# Of what was offered, most is seen, and of what is seen, little is wanted.
SEEN, ACCEPTED, DISMISSED = 0.7, 0.2, 0.5
# What was not looked at by the second evening is not any more.
LOOKED_AT = timedelta(days=2)


class Evenings:
    """Each evening people answer what was offered to them lately."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._is_active = False

    def __call__(self) -> None:
        """Let an evening go by."""
        self._activate()
        lately = timezone.now() - LOOKED_AT
        standing = Decision.objects.standing().filter(
            seen_at=None, decided_at__gte=lately
        )
        for decision in standing.select_related("offer").order_by("pk"):
            self._answer(decision)
        scoring.score_organisations()
        scoring.open_leads_by_score()
        learning.guard_margins()
        learning.learn()

    def _activate(self) -> None:
        staff = User.objects.filter(is_staff=True).order_by("pk").first()
        if staff is None or self._is_active:
            return
        self._is_active = True
        ensure_default_offers()
        drafts = Offer.objects.filter(key__in=ACTIVE, state=Offer.State.DRAFT)
        for offer in drafts.order_by("pk"):
            editing.set_offer_state(offer, Offer.State.ACTIVE, by=staff)

    def _answer(self, decision: Decision) -> None:
        person = decision.user or _purse_of(decision)
        if person is None or decision.offer is None or self.rng.random() > SEEN:
            return
        surface = decision.offer.surfaces[0]
        services.record_exposure(decision.uuid, user=person, surface=surface)
        mood = self.rng.random()
        if mood < ACCEPTED:
            services.accept_offer(decision.uuid, by=person)
        elif mood < DISMISSED:
            services.dismiss_offer(decision.uuid, by=person)


def _purse_of(decision: Decision) -> User | None:
    members = Membership.objects.filter(
        organisation_id=decision.organisation_id, role__in=PURSE
    )
    first = members.select_related("user").order_by("pk").first()
    return first.user if first else None
