"""Credit of organisations that are a person's alone: in their copy, and unused."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from accounts.queries import own_organisations
from billing.credits.models import CreditGrant
from core.money import NANO
from privacy.registry import Obstacle

FIELDS = (
    *("organisation__slug", "public_id", "kind", "currency", "amount_nano"),
    *("remaining_nano", "granted_at", "expires_at", "withdrawn_at"),
)


def grants(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield credit; amounts in billionths of a dollar."""
    mine = CreditGrant.objects.filter(organisation__in=own_organisations(user))
    yield from mine.order_by("pk").values(*FIELDS)


def unused_credit(user: User) -> Iterator[Obstacle]:
    """Yield each organisation with credit that was paid for and can still be used."""
    usable = CreditGrant.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
        organisation__in=own_organisations(user),
        kind=CreditGrant.Kind.BOUGHT,
        remaining_nano__gt=0,
        withdrawn_at=None,
    )
    left: dict[tuple[str, str], int] = {}
    for grant in usable.select_related("organisation").order_by("pk"):
        place = (grant.organisation.slug, grant.organisation.name)
        left[place] = left.get(place, 0) + grant.remaining_nano
    for (slug, name), nano in left.items():
        reason = gettext(
            "%(organisation)s has $%(amount)s of bought credit left. Use it, or ask us "
            "to pay it back."
        )
        amount = f"{nano / NANO:.2f}"
        yield Obstacle(
            reason % {"organisation": name, "amount": amount},
            reverse("credits:credit-home", args=[slug]),
            gettext("Credit"),
        )
