from django.utils import timezone

from accounts.models import Organisation, User
from accounts.queries import current_organisation
from entitlements.credit import NO_CREDIT, Credit
from entitlements.features import FREE, Features
from entitlements.models import CreditLine, Hint, OrganisationEntitlement
from entitlements.terms import NO_TERMS, UsageTerms


def entitlements_for(organisation_id: int) -> Features:
    """Return what the organisation may do now; without a row that is ``FREE``."""
    row = OrganisationEntitlement.objects.filter(pk=organisation_id).first()
    return Features.from_dict(row.features) if row else FREE


def terms_for(organisation_id: int) -> UsageTerms:
    """Return the period and price of usage; without a row the calendar's and none."""
    row = OrganisationEntitlement.objects.filter(pk=organisation_id).first()
    if row is None:
        return NO_TERMS
    return UsageTerms(
        period_start=row.period_start,
        period_end=row.period_end,
        overage_percent=row.overage_percent,
        overage_tiers=row.overage_tiers,
    )


def hint_for(organisation_id: int) -> Hint | None:
    """Return what refusals add for an organisation now, if anything."""
    return Hint.objects.filter(
        pk=organisation_id, expires_at__gt=timezone.now()
    ).first()


def credit_for(organisation_id: int) -> Credit:
    """Return what the organisation may spend beyond its plan; without a row nothing."""
    row = CreditLine.objects.filter(pk=organisation_id).first()
    if row is None:
        return NO_CREDIT
    return Credit(
        month=row.month,
        settled_nano=row.settled_nano,
        from_allowance_nano=row.from_allowance_nano,
        remaining_nano=row.remaining_nano,
        chargeable_nano=row.chargeable_nano,
        cap_nano=row.cap_nano,
        ends_at=row.ends_at,
    )


def premium_organisations(user: User) -> list[Organisation]:
    """Return the organisations of ``user`` that have premium models, by name."""
    entitled = OrganisationEntitlement.objects.filter(features__premium_models=True)
    return list(
        Organisation.objects.filter(
            memberships__user_id=user.pk, pk__in=entitled.values("pk")
        ).order_by("name", "pk")
    )


def premium_organisation(user: User) -> Organisation | None:
    """Return where ``user`` has premium models: where they work now, if there."""
    having = premium_organisations(user)
    if not having:
        return None
    current = current_organisation(user)
    return current if current in having else having[0]
