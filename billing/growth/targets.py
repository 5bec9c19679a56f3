"""Where accepting an offer leads."""

from urllib.parse import urlencode

from django.urls import reverse

from accounts.wishes import with_wish
from billing.growth.models import Decision, Offer


def target_of(decision: Decision, *, wish: str = "") -> str:
    """Return the address of the page an accepted offer leads to."""
    offer, organisation = decision.offer, decision.organisation
    assert offer is not None  # noqa: S101 - it was accepted
    pricing = reverse("plans:pricing")
    if offer.kind == Offer.Kind.DOCS:
        return offer.target or "/docs/"
    if offer.kind == Offer.Kind.PLAN:
        return with_wish(f"{pricing}?{urlencode({'org': organisation.slug})}", wish)
    if offer.kind == Offer.Kind.ANNUAL:
        asked = urlencode({"interval": "year", "org": organisation.slug})
        return with_wish(f"{pricing}?{asked}", wish)
    if offer.kind in {Offer.Kind.TALK, Offer.Kind.STAY}:
        return reverse("plans:talk")
    return wish or reverse("accounts:console-home", args=[organisation.slug])
