from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, User


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Invoices of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=[
                Membership.Role.OWNER,
                Membership.Role.BILLING,
            ],
        )

    def paid(self) -> Self:
        """Invoices that brought money."""
        return self.filter(paid_at__isnull=False, revenue__gt=0)


class Invoice(models.Model):
    """A mirror of one invoice; amounts in minor units of ``currency``.

    ``revenue`` is what was paid without tax, before anything went back. ``told_paid``
    and ``told_returned`` are what everybody else has heard of it: news is the rest.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", pgettext_lazy("invoice", "Open")
        PAID = "paid", pgettext_lazy("invoice", "Paid")
        UNCOLLECTIBLE = "uncollectible", _("Uncollectible")
        VOID = "void", _("Void")

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    # Who started the checkout this invoice goes back to.
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    subscription_stripe_id = models.CharField(max_length=80, blank=True)
    number = models.CharField(max_length=60, blank=True)
    # The set of statuses is open: an unknown one is kept as it came.
    status = models.CharField(max_length=20, choices=Status.choices)
    billing_reason = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    total = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    revenue = models.BigIntegerField(default=0)
    told_paid = models.BigIntegerField(null=True, blank=True)
    told_returned = models.BigIntegerField(default=0)
    is_first = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveIntegerField(default=0)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    hosted_url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)
    raw = models.JSONField(default=dict)
    fetched_at = models.DateTimeField()

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            # More than was paid may go back: after a refund a bank can take the rest
            # and more. The ledger's checks tell of it.
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0), name="ledger_invoice_refunded"
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(is_first=True),
                name="ledger_invoice_one_first",
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid_at__isnull=False),
                name="ledger_invoice_paid_at",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "-issued_at", "-id"],
                name="ledger_invoice_org_issued",
            ),
            models.Index(
                fields=["paid_at"],
                condition=Q(paid_at__isnull=False),
                name="ledger_invoice_paid",
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.stripe_id

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN


class InvoiceLine(models.Model):
    """One line of an invoice."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    stripe_id = models.CharField(max_length=80, unique=True)
    stripe_price_id = models.CharField(max_length=80, blank=True)
    description = models.TextField(blank=True)
    quantity = models.BigIntegerField(default=1)
    amount = models.BigIntegerField()
    is_proration = models.BooleanField(default=False)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.description or self.stripe_id


class Payment(models.Model):
    """Money that arrived for an invoice, in one go."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.CASCADE, related_name="payments"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    payment_intent_id = models.CharField(max_length=80, blank=True, db_index=True)
    status = models.CharField(max_length=20)
    amount = models.BigIntegerField()
    paid_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.stripe_id


class RefundQuerySet(models.QuerySet["Refund"]):
    def gone(self) -> Self:
        """Money that is not ours any more."""
        return self.filter(counted_at__isnull=False)

    def disputes(self) -> Self:
        """What banks took back, or want to."""
        return self.filter(kind=Refund.Kind.DISPUTE)


class Refund(models.Model):
    """Money that went back; ``revenue`` is the part of ``amount`` without tax.

    We give it back, a bank takes it back, or a credit note says that it was given
    back elsewhere: every sum that counts what was paid takes all three off.
    """

    class Kind(models.TextChoices):
        REFUND = "refund", pgettext_lazy("money", "Refund")
        DISPUTE = "dispute", _("Disputed payment")
        CREDIT_NOTE = "credit_note", _("Credit note")

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.REFUND)
    invoice = models.ForeignKey(
        Invoice, on_delete=models.CASCADE, related_name="refunds"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    # The sets of statuses and reasons are open.
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=80, blank=True)
    amount = models.PositiveBigIntegerField()
    revenue = models.PositiveBigIntegerField()
    refunded_at = models.DateTimeField()
    # Until when the bank wants to hear from us.
    answer_by = models.DateTimeField(null=True, blank=True)
    # Since when it counts as gone; empty before, and again when it came back.
    counted_at = models.DateTimeField(null=True, blank=True)
    # Empty where the release before this one wrote it.
    fetched_at = models.DateTimeField(null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def has_come_back(self) -> bool:
        """Whether money on its way back did not arrive: it is ours again."""
        return self.kind == self.Kind.REFUND and self.status in {"failed", "canceled"}


class UsageCost(models.Model):
    """What serving one organisation and model cost in a window.

    Rows of one window add up: a later revision holds only what came later.
    """

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    model = models.CharField(max_length=120)
    edition = models.CharField(max_length=20)
    window = models.DateTimeField()
    revision = models.PositiveIntegerField()
    requests = models.BigIntegerField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    # Whether a plan or credit has covered it. A process of the release before, which
    # knows no credit, writes rows that wait for it.
    is_covered = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "model", "edition", "window", "revision"],
                name="ledger_usagecost_once",
            )
        ]
        indexes = [
            models.Index(fields=["window"], name="ledger_usagecost_window"),
            # What waits is a minute's usage.
            models.Index(
                fields=["organisation"],
                condition=Q(is_covered=False),
                name="ledger_usagecost_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.model} {self.window:%Y-%m-%d %H:%M}"
