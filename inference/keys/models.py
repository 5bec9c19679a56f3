from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now
from core.ids import new_public_id


def new_key_id() -> str:
    return new_public_id("key")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Keys of the organisations ``user`` belongs to."""
        if user.is_staff:
            return self
        return self.filter(organisation__memberships__user_id=user.pk)

    def usable(self) -> Self:
        """Keys that open the gateway now."""
        now = timezone.now()
        return self.filter(revoked_at=None).filter(
            Q(expires_at=None) | Q(expires_at__gt=now)
        )


class ApiKey(models.Model):
    """A secret that calls models for an organisation; only its digest is kept."""

    class Kind(models.TextChoices):
        STANDARD = "standard", _("Standard")
        PLAYGROUND = "playground", _("Playground")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_key_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.STANDARD)
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    digest = models.CharField(max_length=64, unique=True)
    # Empty: every model the plan includes.
    allowed_models = ArrayField(
        models.CharField(max_length=120), default=list, blank=True
    )
    # Null: only the organisation's own allowance limits it.
    monthly_limit_nano = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        indexes = [
            models.Index(
                fields=["organisation", "-id"], name="keys_apikey_organisation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last4}"

    @property
    def is_usable(self) -> bool:
        is_expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not is_expired
