from datetime import datetime
from typing import Self

import pgtrigger
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, User
from core.clock import now
from core.ids import new_public_id
from entitlements.usage_price import UsagePrice

# Whose business an organisation's money is.
PURSE = (Membership.Role.OWNER, Membership.Role.BILLING)
# What usage is priced in. Credit in another currency could cover none of it.
CURRENCY = "usd"
# Of 0 to 100, the lowest is drawn first; Stripe's credit grants count the same way.
MOST_PRIORITY = 100


def new_credit_id() -> str:
    return new_public_id("crd")


class CreditGrantQuerySet(models.QuerySet["CreditGrant"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Credit of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=PURSE,
        )

    def left(self) -> Self:
        """Credit that something can still be drawn from."""
        return self.filter(remaining_nano__gt=0)

    def in_drawing_order(self) -> Self:
        """What is used first: by priority, what ends soonest, what is oldest."""
        return self.order_by("priority", F("expires_at").asc(nulls_last=True), "pk")


class CreditGrant(models.Model):
    """Credit that an organisation was given once; billionths of a dollar.

    What it is never changes. ``remaining_nano`` is what its entries add up to, and
    moves with them.
    """

    class Kind(models.TextChoices):
        BOUGHT = "bought", pgettext_lazy("credit", "Bought")
        PROMOTION = "promotion", pgettext_lazy("credit", "Promotion")
        CONTRIBUTION = "contribution", pgettext_lazy("credit", "Contribution")
        REFERRAL = "referral", pgettext_lazy("credit", "Referral")
        SUPPORT = "support", pgettext_lazy("credit", "Support")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_credit_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    currency = models.CharField(max_length=3, default=CURRENCY)
    amount_nano = models.BigIntegerField()
    remaining_nano = models.BigIntegerField()
    priority = models.PositiveSmallIntegerField()
    granted_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Since when nothing may be drawn from it, nor come back to it.
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # When it was told that its end is near.
    reminded_at = models.DateTimeField(null=True, blank=True)
    # What it was given for, as who gave it says: the same twice is given once.
    key = models.CharField(max_length=128, unique=True)
    reason = models.CharField(max_length=200)
    # Nobody, where a rule of the product gave it.
    granted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = CreditGrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_nano__gt=0)
                & Q(remaining_nano__gte=0)
                & Q(remaining_nano__lte=F("amount_nano")),
                name="credits_creditgrant_remaining",
            ),
            models.CheckConstraint(
                condition=Q(currency=CURRENCY), name="credits_creditgrant_currency"
            ),
            models.CheckConstraint(
                condition=Q(priority__lte=MOST_PRIORITY),
                name="credits_creditgrant_priority",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("granted_at")),
                name="credits_creditgrant_expires_later",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="credits_grant_org"),
            models.Index(
                fields=["organisation", "priority"],
                condition=Q(remaining_nano__gt=0),
                name="credits_grant_left",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(remaining_nano__gt=0),
                name="credits_grant_expiring",
            ),
        ]
        triggers = [
            # Who gave it may go: a reference to nobody is no change of the grant.
            pgtrigger.ReadOnly(
                name="as_it_was_given",
                exclude=["remaining_nano", "withdrawn_at", "reminded_at", "granted_by"],
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.public_id

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Entries of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=PURSE,
        )


class CreditEntry(models.Model):
    """One movement of one grant. Written once, never changed.

    ``balance_nano`` is what the grant held after it. Each kind has its opposite:
    ``used`` comes back as ``returned``, ``granted`` is taken back as ``withdrawn``.
    """

    class Kind(models.TextChoices):
        GRANTED = "granted", pgettext_lazy("credit", "Granted")
        USED = "used", pgettext_lazy("credit", "Used")
        RETURNED = "returned", pgettext_lazy("credit", "Returned")
        WITHDRAWN = "withdrawn", pgettext_lazy("credit", "Withdrawn")
        EXPIRED = "expired", pgettext_lazy("credit", "Expired")

    grant = models.ForeignKey(
        CreditGrant, on_delete=models.PROTECT, related_name="entries"
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    delta_nano = models.BigIntegerField()
    balance_nano = models.BigIntegerField()
    at = models.DateTimeField(default=now)
    # The first day of the month (UTC) whose usage it covered; of usage only.
    month = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Of what must not happen twice.
    key = models.CharField(max_length=128, null=True, blank=True, unique=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind__in=["granted", "returned"], delta_nano__gt=0)
                    | Q(kind__in=["used", "withdrawn", "expired"], delta_nano__lt=0)
                ),
                name="credits_creditentry_sign",
            ),
            models.CheckConstraint(
                condition=Q(balance_nano__gte=0), name="credits_creditentry_balance"
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind__in=["used", "returned"], month__isnull=False)
                    | Q(
                        kind__in=["granted", "withdrawn", "expired"],
                        month__isnull=True,
                    )
                ),
                name="credits_creditentry_month",
            ),
            models.UniqueConstraint(
                fields=["grant"],
                condition=Q(kind="granted"),
                name="credits_creditentry_granted_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="credits_entry_org"),
            models.Index(fields=["grant", "-id"], name="credits_entry_grant"),
            models.Index(
                fields=["organisation", "month", "-id"],
                condition=Q(month__isnull=False),
                name="credits_entry_month",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="as_it_was_written", exclude=["made_by"]),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delta_nano:+}"


class CoverageQuerySet(models.QuerySet["Coverage"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Periods of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=PURSE,
        )

    def unstated(self) -> Self:
        """Periods that are charged otherwise than statements say so far."""
        return self.exclude(charged_nano=F("stated_nano"))

    def containing(self, moment: datetime) -> Self:
        """The period of ``moment``; an organisation has one at most."""
        return self.filter(starts_at__lte=moment, ends_at__gt=moment)


class Coverage(models.Model):
    """How the usage of one period was covered: parts that sum to the whole.

    First what the plan includes, then credit, then what the organisation lets itself
    be charged; ``uncovered_nano`` is what was used beyond all three, at most what ran
    while the last of it was spent. All of it is usage at list price.
    """

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    # In whole hours: the subscription's own month, else the calendar's (UTC).
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # The first day of the month in which it begins, as entries of credit name it.
    month = models.DateField()
    used_nano = models.BigIntegerField(default=0)
    # The plan's when the period's usage was last heard of while it ran.
    allowance_nano = models.BigIntegerField(default=0)
    from_allowance_nano = models.BigIntegerField(default=0)
    from_credit_nano = models.BigIntegerField(default=0)
    charged_nano = models.BigIntegerField(default=0, db_default=0)
    uncovered_nano = models.BigIntegerField(default=0)
    # What is charged for ``charged_nano``, in per cent of it; from the first charge on
    # it stays. The cap is on the charge, as the organisation had it while it ran.
    charge_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Instead of one per cent: tiers or packages, as ``UsagePrice`` stores them.
    charge_tiers = models.JSONField(null=True, blank=True)
    cap_nano = models.BigIntegerField(default=0, db_default=0)
    # What of ``charged_nano`` is on a statement: the rest is news for the next.
    stated_nano = models.BigIntegerField(default=0, db_default=0)

    objects = CoverageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_at"], name="credits_coverage_period"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="credits_coverage_ends_later",
            ),
            models.CheckConstraint(
                condition=Q(
                    used_nano=F("from_allowance_nano")
                    + F("from_credit_nano")
                    + F("charged_nano")
                    + F("uncovered_nano")
                ),
                name="credits_coverage_parts_add_up",
            ),
            models.CheckConstraint(
                condition=Q(from_allowance_nano__gte=0)
                & Q(from_credit_nano__gte=0)
                & Q(charged_nano__gte=0)
                & Q(uncovered_nano__gte=0)
                & Q(cap_nano__gte=0),
                name="credits_coverage_no_part_below_nought",
            ),
            models.CheckConstraint(
                condition=Q(charged_nano=0)
                | Q(charge_percent__gt=0)
                | Q(charge_tiers__isnull=False),
                name="credits_coverage_charged_at_a_price",
            ),
            models.CheckConstraint(
                condition=Q(charge_percent=0) | Q(charge_tiers__isnull=True),
                name="credits_coverage_one_price",
            ),
        ]
        indexes = [
            # The few of which something is to be charged, or given back.
            models.Index(
                fields=["ends_at"],
                condition=~Q(charged_nano=F("stated_nano")),
                name="credits_coverage_news",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.starts_at:%Y-%m-%d}"

    @property
    def price(self) -> UsagePrice:
        """What ``charged_nano`` is charged at."""
        return UsagePrice.from_stored(self.charge_percent, self.charge_tiers)

    @property
    def most_charged_nano(self) -> int:
        """How much usage the cap lets be charged in all; 0 without a price or a cap."""
        return self.price.most_usage(self.cap_nano)


class CoveredUsage(models.Model):
    """How one row of the ledger was covered. Written once, never changed.

    Its parts sum to the row's price; all of a period's sum to its ``Coverage``. One
    without a row holds what was covered before rows were told apart.
    """

    coverage = models.ForeignKey(
        Coverage, on_delete=models.PROTECT, related_name="covered"
    )
    usage = models.OneToOneField(
        "ledger.UsageCost", on_delete=models.PROTECT, null=True, related_name="+"
    )
    from_allowance_nano = models.BigIntegerField()
    from_credit_nano = models.BigIntegerField()
    charged_nano = models.BigIntegerField()
    uncovered_nano = models.BigIntegerField()

    class Meta:
        indexes = [
            # What a period is charged for, model by model.
            models.Index(
                fields=["coverage"],
                condition=~Q(charged_nano=0),
                name="credits_covered_charged",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="kept", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.usage_id} in {self.coverage_id}"


class ChargeCap(models.Model):
    """The most an organisation lets itself be charged for usage in one period.

    In billionths of a US dollar. Without one nothing is charged and calls beyond the
    allowance are refused, whatever its plan would allow.
    """

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="+",
    )
    cap_nano = models.BigIntegerField()
    set_at = models.DateTimeField(default=now)
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cap_nano__gt=0), name="credits_chargecap_above_nought"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.cap_nano}"
