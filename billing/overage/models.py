from typing import Self

import pgtrigger
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from billing.credits.models import CURRENCY, PURSE, Coverage
from billing.plans.usage_words import packages_named, tier_named
from core.clock import now
from core.ids import new_public_id
from core.money import NANO
from entitlements.usage_price import Mode

# What is carried is less than one minor unit of the currency with the largest.
MOST_CARRIED = NANO


def new_statement_id() -> str:
    return new_public_id("uch")


def new_line_id() -> str:
    return new_public_id("ucl")


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Statements of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=PURSE,
        )

    def unsent(self) -> Self:
        """Statements that Stripe has not got whole yet."""
        return self.filter(sent_at=None)


class Statement(models.Model):
    """What one period of usage is charged, closed once: the lines of an invoice.

    ``amount`` is the sum of its lines, in minor units of ``currency``. What rounding
    cut off is carried from one statement of an organisation to the next.
    """

    public_id = models.CharField(
        max_length=40, unique=True, default=new_statement_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    # The period that was closed; its lines may be about earlier ones, too.
    coverage = models.OneToOneField(
        Coverage, on_delete=models.PROTECT, related_name="+"
    )
    currency = models.CharField(max_length=3, default=CURRENCY)
    amount = models.BigIntegerField()
    carried_in_nano = models.BigIntegerField()
    carried_out_nano = models.BigIntegerField()
    # The newest covered row of the ledger that was counted: with it every line can be
    # worked out again.
    counted_to = models.BigIntegerField()
    closed_at = models.DateTimeField(default=now)
    # The invoice it has of its own, where none of the subscription's comes soon.
    own_invoice_id = models.CharField(max_length=80, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(carried_in_nano__gte=0, carried_in_nano__lt=MOST_CARRIED)
                & Q(carried_out_nano__gte=0, carried_out_nano__lt=MOST_CARRIED),
                name="overage_statement_carried",
            )
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="overage_statement_org"),
            models.Index(
                fields=["id"],
                condition=Q(sent_at=None),
                name="overage_statement_unsent",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="as_it_was_closed", exclude=["own_invoice_id", "sent_at"]
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.public_id


class StatementLine(models.Model):
    """What one model's or one tier's usage of a period adds to a statement.

    Either sign: what is corrected, or moves to another tier, is taken back.

    ``usage_nano`` is at list price, ``charge_nano`` what is charged for it, and
    ``amount`` that in minor units, with what the line before had left.
    """

    public_id = models.CharField(
        max_length=40, unique=True, default=new_line_id, editable=False
    )
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="lines"
    )
    # Another period than the statement's: what was heard of late, or corrected.
    coverage = models.ForeignKey(Coverage, on_delete=models.PROTECT, related_name="+")
    # Of a price with tiers a line is one tier's, over all models.
    model = models.CharField(max_length=120, blank=True)
    tier = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Of packages there is none.
    percent = models.PositiveSmallIntegerField()
    usage_nano = models.BigIntegerField()
    charge_nano = models.BigIntegerField()
    amount = models.BigIntegerField()
    # Since when Stripe may have it: looked for before it is created once more.
    asked_at = models.DateTimeField(null=True, blank=True)
    item_id = models.CharField(max_length=80, unique=True, null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "coverage", "model", "tier"],
                name="overage_line_once",
            ),
            models.CheckConstraint(
                condition=Q(tier=0) | Q(model=""), name="overage_line_of_a_tier"
            ),
            models.CheckConstraint(
                condition=~Q(usage_nano=0), name="overage_line_says_something"
            ),
            models.CheckConstraint(
                condition=Q(item_id=None) | ~Q(amount=0),
                name="overage_line_of_nothing_is_not_sent",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="as_it_was_closed", exclude=["asked_at", "item_id"]
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_late(self) -> bool:
        """Whether it is about a period that was closed before."""
        return self.coverage_id != self.statement.coverage_id

    @property
    def name(self) -> str:
        """The model, or the tier in words, in the language of the moment."""
        if not self.tier:
            return self.model
        price = self.coverage.price
        if price.mode is Mode.PACKAGE:
            return packages_named(self.charge_nano // price.package_price_nano)
        return tier_named(price, self.tier)


class CloseCheck(models.Model):
    """One time that every line was worked out again and compared with Stripe's."""

    at = models.DateTimeField(default=now)
    # From where on what was closed was looked at.
    since = models.DateTimeField()
    statements = models.PositiveIntegerField()
    lines = models.PositiveIntegerField()
    differences = models.PositiveIntegerField()
    # The first of them, in words.
    found = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(since__lte=F("at")), name="overage_closecheck_since"
            )
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}: {self.differences}"

    @property
    def is_whole(self) -> bool:
        return not self.differences
