from typing import Self

import pgtrigger
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, User
from billing.growth.models import Lead
from billing.plans.models import Price
from billing.quotes.amounts import Amounts, amounts_of
from billing.subscriptions.models import CheckoutIntent, Subscription
from core.clock import now
from core.ids import new_public_id
from core.money import format_bps

# Whose business an organisation's quotes are.
BUYERS = (Membership.Role.OWNER, Membership.Role.BILLING)


def new_quote_id() -> str:
    return new_public_id("quo")


class QuoteQuerySet(models.QuerySet["Quote"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Quotes of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=BUYERS,
        )

    def whole(self) -> Self:
        """Quotes with all that a page of theirs shows. One query."""
        return self.select_related(
            "organisation",
            "buyer",
            "price__plan_version__plan",
            "asked_by",
            "prepared_by",
        )


class Quote(models.Model):
    """What an organisation could buy, at which price, until when.

    A price of the catalogue, seats, a term and a discount; ``discount_bps`` is in
    hundredths of a percent and stays for as long as the contract goes on.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Being prepared")
        SENT = "sent", pgettext_lazy("quote", "Sent")
        ACCEPTED = "accepted", pgettext_lazy("quote", "Accepted")
        DECLINED = "declined", pgettext_lazy("quote", "Declined")
        EXPIRED = "expired", _("Expired")
        WITHDRAWN = "withdrawn", pgettext_lazy("quote", "Withdrawn")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_quote_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    lead = models.ForeignKey(
        Lead, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default="draft")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField()
    term_months = models.PositiveSmallIntegerField(default=12)
    discount_bps = models.PositiveSmallIntegerField(default=0)
    # What models cost less while the contract runs, in hundredths of a percent.
    usage_discount_bps = models.PositiveSmallIntegerField(default=0, db_default=0)
    days_until_due = models.PositiveSmallIntegerField(default=30)
    valid_days = models.PositiveSmallIntegerField(default=30)
    renews = models.BooleanField(default=True)
    # What the buyer wrote to us, and what we promise beside the numbers.
    wishes = models.TextField(blank=True)
    remarks = models.TextField(blank=True)
    # The language the buyer asked in: that of the mails.
    language = models.CharField(max_length=10, default="en")
    # Counts up with every change of the terms; a mailed link is for one of them.
    revision = models.PositiveIntegerField(default=1)
    # Nobody where staff began it.
    asked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    prepared_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # Why it was declined or withdrawn.
    why = models.CharField(max_length=500, blank=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(state="draft"),
                name="quotes_quote_one_draft",
            ),
            models.CheckConstraint(
                condition=Q(discount_bps__lte=10_000), name="quotes_quote_discount"
            ),
            models.CheckConstraint(
                condition=Q(usage_discount_bps__lte=10_000),
                name="quotes_quote_usage_discount",
            ),
            models.CheckConstraint(
                condition=Q(seats__gte=1, term_months__gte=1),
                name="quotes_quote_terms",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent")
                | Q(sent_at__isnull=False, expires_at__isnull=False),
                name="quotes_quote_sent",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["accepted", "declined", "expired", "withdrawn"])
                | Q(decided_at__isnull=False),
                name="quotes_quote_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="quotes_quote_state"),
            models.Index(fields=["organisation", "-id"], name="quotes_quote_of"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state="sent"),
                name="quotes_quote_expires",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people call it."""
        return f"Q-{self.pk:05d}"

    @property
    def is_open(self) -> bool:
        """Whether the buyer can accept it now."""
        is_late = self.expires_at is not None and self.expires_at <= now()
        return self.state == self.State.SENT and not is_late

    @property
    def amounts(self) -> Amounts:
        return amounts_of(
            self.price,
            seats=self.seats,
            term_months=self.term_months,
            discount_bps=self.discount_bps,
        )

    @property
    def discount_percent(self) -> str:
        """The discount as people write it: ``12.5``."""
        return format_bps(self.discount_bps)

    @property
    def usage_discount_percent(self) -> str:
        """What models cost less, as people write it; empty without a discount."""
        bps = self.usage_discount_bps
        return format_bps(bps) if bps else ""


class Buyer(models.Model):
    """Who a quote is made out to and what their invoices have to say."""

    class Fapiao(models.TextChoices):
        NONE = "", _("No fapiao")
        ORDINARY = "ordinary", _("Ordinary VAT fapiao")
        SPECIAL = "special", _("Special VAT fapiao")

    quote = models.OneToOneField(Quote, on_delete=models.CASCADE, related_name="buyer")
    company = models.CharField(max_length=120)
    contact_name = models.CharField(max_length=120)
    contact_email = models.EmailField()
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=120)
    state = models.CharField(max_length=120, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)
    po_number = models.CharField(max_length=60, blank=True)
    # One of Stripe's kinds, and the number as Stripe writes it.
    tax_kind = models.CharField(max_length=20, blank=True)
    tax_number = models.CharField(max_length=40, blank=True)
    # The heading of an invoice in China.
    fapiao = models.CharField(max_length=10, choices=Fapiao.choices, blank=True)
    fapiao_title = models.CharField(max_length=120, blank=True)
    fapiao_number = models.CharField(max_length=20, blank=True)
    fapiao_address = models.CharField(max_length=200, blank=True)
    fapiao_phone = models.CharField(max_length=40, blank=True)
    fapiao_bank = models.CharField(max_length=120, blank=True)
    fapiao_account = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tax_kind="", tax_number="")
                | (~Q(tax_kind="") & ~Q(tax_number="")),
                name="quotes_buyer_tax_number",
            ),
            models.CheckConstraint(
                condition=Q(fapiao="") | (~Q(fapiao_title="") & ~Q(fapiao_number="")),
                name="quotes_buyer_fapiao",
            ),
        ]

    def __str__(self) -> str:
        return self.company

    @property
    def address(self) -> list[str]:
        """The lines of the address; empty ones are left out."""
        town = " ".join(filter(None, [self.postal_code, self.city, self.state]))
        return [line for line in (self.line1, self.line2, town) if line]


class Signature(models.Model):
    """What a buyer signed, as they saw it; written once and never changed."""

    quote = models.OneToOneField(
        Quote, on_delete=models.PROTECT, related_name="signature"
    )
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120, blank=True)
    # Nobody where the mailed link was followed without signing in.
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    address = models.CharField(max_length=80, blank=True)
    terms = models.JSONField()
    digest = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=now)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="signed_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "quote", "name", "title", "terms", "digest", "accepted_at"
                ),
            ),
            pgtrigger.Protect(name="signed_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.quote_id}: {self.name}"


class ContractQuerySet(models.QuerySet["Contract"]):
    def running(self) -> Self:
        """Contracts that are in force or about to be."""
        return self.filter(ended_at=None)


class Contract(models.Model):
    """What an accepted quote became: a term, and the subscription that bills it."""

    quote = models.OneToOneField(
        Quote, on_delete=models.PROTECT, related_name="contract"
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    order = models.OneToOneField(
        CheckoutIntent, on_delete=models.PROTECT, related_name="+"
    )
    # Nothing until the payment provider has made it.
    subscription = models.OneToOneField(
        Subscription, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)
    # Since when one worker has its making in hand.
    claimed_at = models.DateTimeField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    # When the term that runs ends.
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ContractQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(ended_at=None),
                name="quotes_contract_one_running",
            ),
            models.CheckConstraint(
                condition=Q(subscription=None, starts_at=None, ends_at=None)
                | Q(
                    subscription__isnull=False,
                    starts_at__isnull=False,
                    ends_at__gt=models.F("starts_at"),
                ),
                name="quotes_contract_term",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                condition=Q(ended_at=None),
                name="quotes_contract_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"contract of {self.quote_id}"

    @property
    def renews(self) -> bool:
        """Whether it goes on after its term: the subscription says so."""
        if self.subscription is None:
            return self.quote.renews
        return self.subscription.is_live and self.subscription.ends_at is None


class RenewalNotice(models.Model):
    """That the end of a term was told of, ``days`` before it."""

    contract = models.ForeignKey(
        Contract, on_delete=models.CASCADE, related_name="notices"
    )
    ends_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "ends_at", "days"],
                name="quotes_renewalnotice_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract_id}: {self.days} days before {self.ends_at}"
