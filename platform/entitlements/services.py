"""Writing entitlements: billing does, everyone else reads."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import Organisation
from contracts.entitlements import EntitlementsChanged
from entitlements.credit import Credit
from entitlements.features import Features
from entitlements.models import (
    CreditLine,
    Hint,
    OrganisationEntitlement,
    PriceLists,
)
from entitlements.own_prices import OwnPrices
from entitlements.terms import NO_TERMS, UsageTerms
from outbox import publish
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
CHANNEL = "entitlements"


@transaction.atomic
def replace_for(
    organisation_id: int,
    features: Features,
    *,
    source: str,
    terms: UsageTerms = NO_TERMS,
) -> int:
    """Replace an organisation's entitlements and return their revision.

    The organisation row is locked, so revisions are without gaps or races.
    Nothing happens when the features are as they were, but that a period begins.
    Gateways hear of the change through Redis right after the commit and otherwise
    within seconds, when their cached copy ends.
    """
    Organisation.objects.select_for_update().get(pk=organisation_id)
    row = OrganisationEntitlement.objects.filter(pk=organisation_id).first()
    stored = features.to_dict()
    if row is not None and row.features == stored:
        _set_terms(row, terms)
        return row.revision

    revision = row.revision + 1 if row else 1
    OrganisationEntitlement.objects.update_or_create(
        pk=organisation_id,
        defaults={
            "revision": revision,
            "plan": features.plan,
            "features": stored,
            "source": source,
            "computed_at": timezone.now(),
            **asdict(terms),
        },
    )
    publish(
        EntitlementsChanged(
            organisation_id=organisation_id,
            revision=revision,
            plan=features.plan,
            plan_before=row.plan if row else "",
        )
    )
    transaction.on_commit(partial(announce, organisation_id), robust=True)
    return revision


def _set_terms(row: OrganisationEntitlement, terms: UsageTerms) -> None:
    changed = {
        name: value
        for name, value in asdict(terms).items()
        if getattr(row, name) != value
    }
    if changed:
        OrganisationEntitlement.objects.filter(pk=row.pk).update(**changed)
        transaction.on_commit(partial(announce, row.pk), robust=True)


@transaction.atomic
def set_credit(organisation_id: int, credit: Credit, *, is_news: bool) -> None:
    """Write what an organisation may spend beyond its plan.

    The caller holds the organisation's row. ``is_news`` says that the sum of it
    changed, and not only where it is noted: gateways hear of that at once.
    """
    CreditLine.objects.update_or_create(pk=organisation_id, defaults=asdict(credit))
    if is_news:
        transaction.on_commit(partial(announce, organisation_id), robust=True)


@transaction.atomic
def set_own_prices(organisation_id: int, lists: Sequence[OwnPrices]) -> None:
    """Write the price lists of an organisation that hold or are to hold.

    The caller holds the organisation's row. Gateways hear of it within a second.
    """
    if lists:
        stored = [each.to_dict() for each in lists]
        PriceLists.objects.update_or_create(
            pk=organisation_id, defaults={"lists": stored}
        )
    else:
        PriceLists.objects.filter(pk=organisation_id).delete()
    transaction.on_commit(partial(announce, organisation_id), robust=True)


@transaction.atomic
def set_hint(
    organisation_id: int,
    *,
    text_en: str,
    text_zh: str,
    url: str,
    expires_at: datetime,
    reference: str,
) -> None:
    """Have the gateway's refusals add a hint for an organisation; one at a time."""
    Hint.objects.update_or_create(
        pk=organisation_id,
        defaults={
            "text_en": text_en[:400],
            "text_zh": text_zh[:400],
            "url": url,
            "expires_at": expires_at,
            "reference": reference,
        },
    )
    transaction.on_commit(partial(announce, organisation_id), robust=True)


@transaction.atomic
def remove_hint(organisation_id: int, *, reference: str) -> None:
    """Take a hint back, unless another has taken its place."""
    gone, _ = Hint.objects.filter(pk=organisation_id, reference=reference).delete()
    if gone:
        transaction.on_commit(partial(announce, organisation_id), robust=True)


def announce(organisation_id: int) -> None:
    """Tell gateways that what they know of an organisation is outdated."""
    try:
        client().publish(prefixed(CHANNEL), str(organisation_id))
    except RedisError as error:
        logger.warning("entitlements.not_announced", extra={"error": str(error)})
