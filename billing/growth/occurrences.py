"""Moments as they occur: each rule, and what follows from a decision at once."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models import User
from billing.growth import hints
from billing.growth.deciding import Decided, DecisionUnit, Proposal, decide
from billing.growth.models import AcceptedAnswer, CompanyDomain, Decision
from billing.growth.moments import Moment
from billing.growth.queries import offer_for_surface
from billing.growth.services import unit_of
from billing.growth.surfaces import Surface
from billing.ledger.models import UsageCost
from contracts.inference import UsageAggregated
from entitlements.features import FREE
from entitlements.models import OrganisationEntitlement
from entitlements.queries import entitlements_for

# What the gateway says to a caller whom a plan could have helped.
REFUSALS = {
    "model_requires_plan": Moment.PREMIUM_REFUSED,
    "insufficient_quota": Moment.LIMIT_HIT,
}
# Early enough to act before calls are refused.
NEARLY_ALL = 0.8
# Once may be luck, twice is a habit, three times is a person who helps.
HELPFUL = 3
# Addresses at these hosts say nothing of who works together.
PUBLIC_MAIL = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com"),
        *("msn.com", "yahoo.com", "icloud.com", "me.com", "aol.com", "gmx.de"),
        *("gmx.net", "web.de", "mail.ru", "yandex.ru", "proton.me", "protonmail.com"),
        *("qq.com", "163.com", "126.com", "sina.com", "sina.cn", "foxmail.com"),
        *("aliyun.com", "139.com", "189.cn", "yeah.net", "naver.com", "zoho.com"),
        *("fastmail.com", "hey.com"),
    }
)
# Two visits of the pricing page further apart are two thoughts.
PRICING_WINDOW = timedelta(days=7)
# Of a refresh, or a click through the intervals, no second reading is made.
READING = timedelta(minutes=30)
# Two weeks hold as many weekends on either side.
STRETCH = timedelta(days=14)
# Below a dollar of usage, half of it is noise.
WORTH_NOTICING_NANO = 1_000_000_000


def occur(
    moment: Moment,
    unit: DecisionUnit,
    *,
    occasion: str,
    context: Mapping[str, Any] | None = None,
    fits: Collection[str] | None = None,
    proposal: Proposal | None = None,
) -> Decided:
    """Decide at a moment, and let surfaces that nobody asks know what was offered."""
    decided = decide(
        moment,
        unit,
        occasion=occasion,
        context=context,
        fits=fits,
        proposal=proposal,
    )
    if decided.is_new and decided.offer_id is not None:
        row = Decision.objects.select_related("offer").get(pk=decided.id)
        hints.show_hint(row)
    return decided


def notice_usage(fact: UsageAggregated) -> None:
    """Notice that an organisation has used most of its allowance.

    The ledger may hear of the fact before or after us, so it counts once either way.
    """
    month = _month_of(timezone.now())
    window = datetime.fromisoformat(fact.window)
    occasion = f"{month:%Y-%m}"
    if (
        window < month
        or Decision.objects.filter(
            moment=Moment.ALLOWANCE_80,
            organisation_id=fact.organisation_id,
            occasion=occasion,
        ).exists()
    ):
        return
    ours = Q(
        model=fact.model,
        edition=fact.edition,
        window=window,
        revision=fact.revision,
    )
    others = UsageCost.objects.filter(
        organisation_id=fact.organisation_id, window__gte=month
    ).exclude(ours)
    used = (others.aggregate(sum=Sum("price_nano"))["sum"] or 0) + fact.price_nano
    allowance = entitlements_for(fact.organisation_id).monthly_allowance_nano
    if allowance and used >= NEARLY_ALL * allowance:
        occur(
            Moment.ALLOWANCE_80,
            DecisionUnit(fact.organisation_id),
            occasion=occasion,
            context={"used_percent": int(100 * used / allowance)},
        )


def notice_answer(
    answer_id: int, author_id: int, *, is_accepted: bool, at: datetime
) -> None:
    """Notice the third accepted answer of a person; facts may come in any order."""
    row, is_new = AcceptedAnswer.objects.select_for_update().get_or_create(
        answer_id=answer_id,
        defaults={
            "author_id": author_id,
            "is_accepted": is_accepted,
            "changed_at": at,
        },
    )
    if not is_new and row.changed_at < at:
        row.is_accepted, row.changed_at = is_accepted, at
        row.save(update_fields=["is_accepted", "changed_at"])
    accepted = AcceptedAnswer.objects.filter(author_id=author_id, is_accepted=True)
    if accepted.count() >= HELPFUL:
        occur(
            Moment.THIRD_ANSWER,
            DecisionUnit(unit_of(author_id), author_id),
            occasion=f"user {author_id}",
        )


def notice_contribution(contribution_id: int, user_id: int, *, points: int) -> None:
    """Notice that a contribution was credited."""
    occur(
        Moment.CONTRIBUTION_MERGED,
        DecisionUnit(unit_of(user_id), user_id),
        occasion=f"contribution {contribution_id}",
        context={"points": points},
    )


def notice_colleague(user_id: int) -> None:
    """Notice that a second person of a company's domain is here."""
    user = User.objects.filter(pk=user_id, is_internal=False).first()
    domain = user.email.rpartition("@")[2].lower() if user else ""
    if not domain or domain in PUBLIC_MAIL:
        return
    company, is_new = CompanyDomain.objects.get_or_create(
        domain=domain, defaults={"first_user_id": user_id}
    )
    if not is_new and company.first_user_id != user_id:
        occur(
            Moment.COLLEAGUE,
            DecisionUnit(unit_of(user_id), user_id),
            occasion=f"domain {domain}"[:60],
        )


def notice_pricing(user_id: int, organisation_id: int) -> None:
    """Notice that a person reads the pricing page again.

    Readings are kept in Redis alone: one that is lost is one prompt less.
    """
    key = f"growth:pricing:{user_id}"
    now = timezone.now().timestamp()
    before = cache.get(key)
    if before is None:
        cache.set(key, now, PRICING_WINDOW.total_seconds())
    elif now - before > READING.total_seconds():
        year, week, _ = timezone.now().astimezone(UTC).isocalendar()
        occur(
            Moment.PRICING_TWICE,
            DecisionUnit(organisation_id, user_id),
            occasion=f"user {user_id} {year}-W{week:02}",
        )


def notice_refusal(moment: Moment, organisation_id: int, *, on: date) -> None:
    """Notice that a call was refused: for want of a plan, or of allowance.

    ``on`` is the day of the refusal (UTC), which may be told days later.
    """
    occasion = f"{on:%Y-%m-%d}" if moment == Moment.PREMIUM_REFUSED else f"{on:%Y-%m}"
    occur(moment, DecisionUnit(organisation_id), occasion=occasion)


def offer_after_refusal(
    moment: Moment, *, user: User, organisation_id: int
) -> Decision | None:
    """Return what to show a person whose call was just refused, if anything."""
    notice_refusal(moment, organisation_id, on=timezone.now().astimezone(UTC).date())
    return offer_for_surface(user, Surface.PLAYGROUND, organisation_id=organisation_id)


def notice_trial_ending(organisation_id: int, subscription_id: int) -> None:
    """Notice that a trial ends soon."""
    occur(
        Moment.TRIAL_ENDING,
        DecisionUnit(organisation_id),
        occasion=f"subscription {subscription_id}",
    )


def notice_failed_payment(organisation_id: int, invoice_id: int) -> None:
    """Notice that a payment was declined."""
    occur(
        Moment.CARD_FAILING,
        DecisionUnit(organisation_id),
        occasion=f"invoice {invoice_id}",
    )


def notice_falling_usage() -> int:
    """Notice paying organisations that use less than half of before; return how many.

    One aggregate over four weeks, whatever the number of organisations.
    """
    now = timezone.now()
    recent = Q(window__gte=now - STRETCH)
    paying = OrganisationEntitlement.objects.exclude(plan=FREE.plan)
    rows = (
        UsageCost.objects.filter(
            window__gte=now - 2 * STRETCH, organisation_id__in=paying.values("pk")
        )
        .values("organisation_id")
        .annotate(
            before=Sum("price_nano", filter=~recent, default=0),
            after=Sum("price_nano", filter=recent, default=0),
        )
        .filter(before__gte=WORTH_NOTICING_NANO)
    )
    falling = [row for row in rows if row["after"] * 2 < row["before"]]
    for row in falling:
        occur(
            Moment.USAGE_FALLING,
            DecisionUnit(row["organisation_id"]),
            occasion=f"{now:%Y-%m}",
            context={"percent_left": int(100 * row["after"] / row["before"])},
        )
    return len(falling)


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
