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
