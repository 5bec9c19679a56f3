"""Writing plans: versions and prices are added, never changed; inquiries."""

import hashlib
from collections.abc import Mapping
from email.utils import parseaddr

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.plans.defaults import DEFAULT_PLANS, DefaultPlan
from billing.plans.models import Inquiry, Plan, PlanVersion, Price
from contracts.billing import InquiryReceived
from entitlements.features import Features
from entitlements.usage_price import REFUSED, UsagePrice
from notifications.mailing import queue_mail
from outbox import publish


@transaction.atomic
def ensure_default_plans() -> dict[str, PlanVersion]:
    """Write the default plans that are missing and return those on offer by key.

    A plan that exists is left alone: its operator may have published newer terms.
    """
    for default in DEFAULT_PLANS:
        if not Plan.objects.filter(key=default.key).exists():
            _create(default)
    versions = PlanVersion.objects.on_offer().select_related("plan")
    return {version.plan.key: version for version in versions}


@transaction.atomic
def publish_version(
    plan: Plan,
    *,
    features: Features,
    prices: Mapping[str, int],
    collection: str,
    seat_min: int = 1,
    seat_max: int = 1,
    trial_days: int = 0,
    trial_needs_card: bool = True,
    usage_price: UsagePrice = REFUSED,
    currency: str = "usd",
) -> PlanVersion:
    """Publish new terms of ``plan`` and retire those on offer.

    ``prices`` gives minor units per seat by interval. The plan row is locked, so
    that version numbers stay without gaps. Subscribers keep their old version.
    """
    Plan.objects.select_for_update().get(pk=plan.pk)
    last = plan.versions.order_by("-version").first()
    now = timezone.now()
    plan.versions.on_offer().update(retired_at=now)
    version = PlanVersion.objects.create(
        plan=plan,
        version=last.version + 1 if last else 1,
        features=features.to_dict(),
        collection=collection,
        trial_days=trial_days,
        trial_needs_card=trial_needs_card,
        seat_min=seat_min,
        seat_max=seat_max,
        overage_percent=usage_price.percent,
        overage_tiers=usage_price.stored_tiers,
        # The product is the plan's; only prices are new.
        stripe_product_id=last.stripe_product_id if last else "",
        published_at=now,
    )
    for interval, amount in prices.items():
        Price.objects.create(
            plan_version=version,
            interval=interval,
            kind=Price.Kind.SEAT if version.is_per_seat else Price.Kind.BASE,
            currency=currency,
            unit_amount=amount,
            lookup_key=f"{plan.key}_v{version.version}_{interval}_{currency}",
        )
    return version


def _create(default: DefaultPlan) -> None:
    plan = Plan.objects.create(
        key=default.key,
        name=default.name,
        summary=default.summary,
        edition=default.edition,
        tier_rank=default.tier_rank,
    )
    offered = {
        Price.Interval.MONTH: default.monthly,
        Price.Interval.YEAR: default.yearly,
    }
    publish_version(
        plan,
        features=default.features,
        prices={k: amount for k, amount in offered.items() if amount is not None},
        collection=default.collection,
        seat_min=default.seat_min,
        seat_max=default.seat_max,
    )


@transaction.atomic
def send_inquiry(inquiry: Inquiry) -> Inquiry:
    """Keep an inquiry and mail it to those who sell; sent twice, it arrives once.

    It is written down before it is sent, so a mail server that is away loses nothing.
    """
    lines = [
        f"Plan: {inquiry.plan or '-'}",
        f"Name: {inquiry.name}",
        f"E-mail: {inquiry.email}",
        f"Company: {inquiry.company or '-'}",
        f"Seats: {inquiry.seats or '-'}",
        "",
        inquiry.message,
    ]
    text = "\n".join(lines)
    inquiry.digest = hashlib.sha256(text.encode()).hexdigest()
    known = Inquiry.objects.filter(digest=inquiry.digest).first()
    if known is not None:
        return known
    try:
        # Two that come at once meet at the digest.
        with transaction.atomic():
            inquiry.save()
    except IntegrityError:
        return Inquiry.objects.get(digest=inquiry.digest)
    queue_mail(
        parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
        subject=f"Inquiry from {inquiry.company or inquiry.name}",
        text=text,
        kind="inquiry",
        headers={"Reply-To": inquiry.email},
        idempotency_key=f"inquiry:{inquiry.digest}",
    )
    publish(
        InquiryReceived(
            inquiry_id=inquiry.pk,
            plan=inquiry.plan,
            seats=inquiry.seats,
            user_id=inquiry.user_id,
        )
    )
    return inquiry
