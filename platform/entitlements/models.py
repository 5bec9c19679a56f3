from django.db import models


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
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.plan} r{self.revision}"
