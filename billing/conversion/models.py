from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Self, TypeVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.clock import now
from core.money import NANO

ORDER = (
    "first_visit_at",
    "signed_up_at",
    "verified_at",
    "first_call_at",
    "checkout_at",
    "paid_at",
)
M = TypeVar("M", bound=models.Model)


class WayQuerySet(models.QuerySet[M]):
    """Units with the steps of their way under the same names, whichever unit it is."""

    def between(self, milestone: str, start: datetime, end: datetime) -> Self:
        """Units that reached ``milestone`` in ``[start, end)``."""
        return self.filter(**{f"{milestone}__gte": start, f"{milestone}__lt": end})

    def reached_in_order(
        self, milestone: str, start: datetime, end: datetime, *, window: timedelta
    ) -> Self:
        """Units whose first visit is in the range and that got to ``milestone``.

        Each step no earlier than the one before, all within ``window`` of the visit.
        """
        reached = self.between("first_visit_at", start, end)
        for before, step in pairwise(ORDER):
            if before == milestone:
                break
            reached = reached.filter(
                **{f"{step}__gte": F(before)},
                **{f"{step}__lte": F("first_visit_at") + window},
            )
        return reached


def counts(prefix: str = "") -> Q:
    """Return which people figures are about: no staff, test people or who is gone."""
    return Q(
        **{
            f"{prefix}user__is_staff": False,
            f"{prefix}user__is_internal": False,
            f"{prefix}user__is_active": True,
            f"{prefix}excluded_at": None,
        }
    )


class DeveloperQuerySet(WayQuerySet["Developer"]):
    def counted(self) -> Self:
        """Developers every figure is about."""
        return self.filter(counts())

    def in_n(self) -> Self:
        """Those N is counted from: active developers, whenever they became it."""
        return self.counted().filter(activated_at__isnull=False)


class Developer(models.Model):
    """How far one person has come; kept up by facts, rebuildable from the log.

    Each ``…_at`` is the first time. ``activated_at`` is the later of a verified
    address and the first activity. Revenue is net of refunds and tax, in minor
    units of the reporting currency; both sums, checkout and payment are those of
    the organisations that are put down to this person.
    """

    user = models.OneToOneField(
        "accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    source = models.CharField(max_length=80, blank=True)
    first_visit_at = models.DateTimeField(null=True)
    signed_up_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    first_activity_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    first_call_at = models.DateTimeField(null=True)
    checkout_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    revenue = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    # Set by staff, with a reason in the audit log; no rebuild touches it.
    excluded_at = models.DateTimeField(null=True)

    objects = DeveloperQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["activated_at"], name="conversion_dev_activated"),
            models.Index(fields=["signed_up_at"], name="conversion_dev_signed_up"),
            models.Index(fields=["first_visit_at"], name="conversion_dev_visit"),
            models.Index(
                fields=["paid_at"],
                condition=Q(paid_at__isnull=False),
                name="conversion_dev_paid",
            ),
        ]

    def __str__(self) -> str:
        return f"developer {self.pk}"


class AccountQuerySet(WayQuerySet["Account"]):
    def with_way(self) -> Self:
        """Name the steps as a developer's; the first ones are its first person's."""
        return self.annotate(
            source=F("developer__source"),
            first_visit_at=F("developer__first_visit_at"),
            signed_up_at=F("developer__signed_up_at"),
            verified_at=F("developer__verified_at"),
            activated_at=F("engaged_at"),
            paid_at=F("first_paid_at"),
        )

    def with_community_way(self) -> Self:
        """Organisations that are put down to a person in N."""
        return self.filter(has_community_way())

    def counted(self) -> Self:
        """Organisations every figure by organisation is about.

        A personal organisation that nobody used stands for nobody when its person
        works in a team: that team is what they are counted as.
        """
        team = GroupMember.objects.filter(
            developer=OuterRef("developer"), account__organisation__kind="team"
        )
        is_idle = Q(
            organisation__kind="personal", first_call_at=None, first_paid_at=None
        )
        counted = self.with_way().with_community_way().filter(engaged_at__isnull=False)
        return counted.exclude(is_idle & Q(Exists(team)))

    def in_n(self) -> Self:
        """The same: an organisation counts when its first person is in N."""
        return self.counted()


def has_community_way() -> Q:
    """Return which accounts are put down to a person in N."""
    return (
        counts("developer__")
        & Q(developer__activated_at__isnull=False)
        & Q(excluded_at=None)
    )


class Account(models.Model):
    """One organisation's money, put down to one developer, so that it counts once.

    That is who founded it, if they are in N; else the person of its buying group who
    was engaged in it first and is in N. With nobody in N it is outside, with all its
    money, as "no community way"; ``developer`` is then its payer or founder, or empty.
    ``foreign`` is the part of ``revenue`` that came in other currencies.
    """

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    developer = models.ForeignKey(
        Developer, on_delete=models.SET_NULL, related_name="accounts", null=True
    )
    revenue = models.BigIntegerField(default=0)
    foreign = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    # Since when the one it is put down to is active in it.
    engaged_at = models.DateTimeField(null=True)
    first_call_at = models.DateTimeField(null=True)
    # Who is sent an invoice has reached the checkout when the invoice is paid.
    checkout_at = models.DateTimeField(null=True)
    first_paid_at = models.DateTimeField(null=True)
    founder = models.ForeignKey(
        Developer, on_delete=models.SET_NULL, related_name="+", null=True
    )
    payer = models.ForeignKey(
        Developer, on_delete=models.SET_NULL, related_name="+", null=True
    )
    # When the payment came that made them the first to pay.
    payer_since = models.DateTimeField(null=True)
    excluded_at = models.DateTimeField(null=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["engaged_at"], name="conversion_account_engaged")
        ]

    def __str__(self) -> str:
        return f"account of organisation {self.pk}"


class GroupMember(models.Model):
    """One person's part in an organisation's buying group, and since when."""

    class Role(models.TextChoices):
        FOUNDER = "founder", _("Founder")
        MEMBER = "member", _("Member")
        CALLER = "caller", _("Caller")
        PAYER = "payer", _("Payer")

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="group")
    developer = models.ForeignKey(
        Developer, on_delete=models.CASCADE, related_name="parts"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "developer", "role"],
                name="conversion_groupmember_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.developer_id} of organisation {self.account_id}"


class DailyRate(models.Model):
    """What one unit of a currency is worth in the reporting one, on one day.

    ``nano`` is in billionths of a unit of the reporting currency.
    """

    currency = models.CharField(max_length=3)
    on = models.DateField()
    nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "on"], name="conversion_dailyrate_once"
            ),
            models.CheckConstraint(
                condition=Q(nano__gt=0), name="conversion_dailyrate_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} on {self.on}"

    @property
    def value(self) -> Decimal:
        """Units of the reporting currency."""
        return Decimal(self.nano) / NANO


class ForeignInvoice(models.Model):
    """What one invoice in another currency brought, and the rate it counts at.

    ``amount`` is paid less refunded, without tax, in minor units of ``currency``.
    ``factor_nano`` is billionths of a minor unit of the reporting currency for one of
    them, fixed with the rate of ``rate_on``: what goes back later goes at the same one.
    """

    # Facts arrive by themselves; the ledger's row may be gone or not there yet.
    invoice = models.OneToOneField(
        "ledger.Invoice",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
        db_constraint=False,
    )
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="foreign_invoices"
    )
    currency = models.CharField(max_length=3)
    # Empty until the payment is heard of: a refund may come first.
    paid_on = models.DateField(null=True)
    amount = models.BigIntegerField(default=0)
    factor_nano = models.BigIntegerField(null=True)
    rate_on = models.DateField(null=True)
    converted = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(factor_nano__isnull=False, rate_on__isnull=False)
                | Q(factor_nano=None, rate_on=None, converted=0),
                name="conversion_foreigninvoice_rated",
            )
        ]
        indexes = [
            models.Index(
                fields=["currency", "paid_on"], name="conversion_foreign_currency"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} of invoice {self.invoice_id}"


class Scenario(models.Model):
    """The five numbers of the profit model, kept under a name.

    ``share`` is in percent, money in units of the reporting currency.
    """

    name = models.CharField(max_length=80)
    developers = models.PositiveIntegerField()
    share = models.DecimalField(max_digits=7, decimal_places=4)
    price = models.DecimalField(max_digits=10, decimal_places=4)
    cost = models.DecimalField(max_digits=10, decimal_places=4)
    fixed_cost = models.DecimalField(max_digits=14, decimal_places=4)
    owner = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(share__gte=0, share__lte=100),
                name="conversion_scenario_share",
            )
        ]

    def __str__(self) -> str:
        return self.name


class BridgeCheck(models.Model):
    """One comparison of all figures with the ledger; differences are what is missing.

    ``revenue`` is in minor units of the reporting currency, ``cost_nano`` in
    billionths of a US dollar.
    """

    at = models.DateTimeField(default=now)
    revenue = models.BigIntegerField()
    cost_nano = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["-at"], name="conversion_bridge_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}: {self.revenue}, {self.cost_nano}"

    @property
    def is_whole(self) -> bool:
        return self.revenue == 0 and self.cost_nano == 0
