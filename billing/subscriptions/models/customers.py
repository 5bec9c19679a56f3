"""Who an organisation is to Stripe."""

from django.db import models

from core.clock import now


class BillingAccount(models.Model):
    """Who an organisation is to Stripe: exactly one customer."""

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="+",
    )
    stripe_customer_id = models.CharField(
        max_length=80, unique=True, null=True, blank=True
    )
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    # The same card has the same one in every account: Stripe's, and no number.
    card_fingerprint = models.CharField(max_length=40, blank=True, db_default="")
    card_exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    card_exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.stripe_customer_id or f"organisation {self.pk}"


class FormerCustomer(models.Model):
    """A customer an organisation was before; its invoices are still theirs."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    replaced_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.stripe_id
