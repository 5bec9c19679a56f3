from django.db import models
from django.db.models import F, Q


class OrganisationEntitlement(models.Model):
    """What one organisation may do now; derived, and rebuildable by billing."""

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    revision = models.PositiveBigIntegerField()
    plan = models.CharField(max_length=40)
    features = models.JSONField()
    source = models.CharField(max_length=120, blank=True)
    # The rest is ``terms.UsageTerms``.
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    overage_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    overage_tiers = models.JSONField(null=True, blank=True)
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(period_start=None, period_end=None)
                | Q(period_end__gt=F("period_start")),
                name="entitlements_organisationentitlement_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.plan} r{self.revision}"


class Hint(models.Model):
    """A sentence that refusals of the gateway add for one organisation, while it holds.

    It says what could help; nothing is let in, priced or limited by it.
    """

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    text_en = models.CharField(max_length=400)
    text_zh = models.CharField(max_length=400)
    url = models.CharField(max_length=300)
    expires_at = models.DateTimeField()
    # Who wrote it takes back what it wrote and nothing newer.
    reference = models.CharField(max_length=60)

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.text_en}"


class CreditLine(models.Model):
    """What one organisation may spend beyond its plan; billing's ledger rebuilds it.

    The columns are those of ``entitlements.credit.Credit``.
    """

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    month = models.CharField(max_length=6)
    settled_nano = models.BigIntegerField(default=0, db_default=0)
    from_allowance_nano = models.BigIntegerField()
    remaining_nano = models.BigIntegerField()
    chargeable_nano = models.BigIntegerField(default=0, db_default=0)
    cap_nano = models.BigIntegerField(default=0, db_default=0)
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(from_allowance_nano__gte=0)
                & Q(settled_nano__gte=0)
                & Q(remaining_nano__gte=0)
                & Q(chargeable_nano__gte=0)
                & Q(cap_nano__gte=0),
                name="entitlements_creditline_no_part_below_nought",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.remaining_nano} left"
