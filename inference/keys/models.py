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

# A week: what a model says changes when the model does, and that is not announced.
MOST_CACHE_SECONDS = 604_800


def new_key_id() -> str:
    return new_public_id("key")


def new_project_id() -> str:
    return new_public_id("proj")


class Project(models.Model):
    """What some keys of an organisation are for, with a budget of its own."""

    public_id = models.CharField(
        max_length=40, unique=True, default=new_project_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(_("name"), max_length=80)
    # Null: only the organisation's own allowance limits it.
    monthly_limit_nano = models.BigIntegerField(null=True, blank=True)
    # Whether calls beyond it are refused, or the members only told.
    is_limit_hard = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name"], name="keys_project_name"
            ),
            models.CheckConstraint(
                condition=Q(monthly_limit_nano=None) | Q(monthly_limit_nano__gt=0),
                name="keys_project_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DataKind(models.TextChoices):
    """Personal data that has a form by which it is found."""

    EMAIL = "email", _("E-mail addresses")
    PHONE = "phone", _("Phone numbers")
    CARD = "card", _("Payment card numbers")
    IBAN = "iban", _("Bank accounts (IBAN)")
    ID_NUMBER = "id_number", _("Identity numbers (China, United States)")
    ADDRESS = "ip_address", _("IP addresses")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def managed(self) -> Self:
        """Keys that people look after: not those of the playground."""
        return self.exclude(kind=ApiKey.Kind.PLAYGROUND)

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
        # Of a program: no person's, and in no language.
        SERVICE = "service", _("Service account")
        PLAYGROUND = "playground", _("Playground")

    class Scope(models.TextChoices):
        INFERENCE = "inference", _("Call models")
        MODELS = "models:read", _("List models")
        USAGE = "usage:read", _("Read what was used")

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
    # Whether calls beyond it are refused, or the members only told.
    is_limit_hard = models.BooleanField(default=True, db_default=True)
    project = models.ForeignKey(
        Project, on_delete=models.SET_NULL, null=True, blank=True, related_name="keys"
    )
    # Empty: all of them, everywhere. Origins are those of pages in browsers that may
    # read what is answered; none unless they are named.
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope.choices),
        default=list,
        blank=True,
        # A process of the release before writes none of these.
        db_default=[],
    )
    networks = ArrayField(
        models.CharField(max_length=43), default=list, blank=True, db_default=[]
    )
    origins = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, db_default=[]
    )
    # Personal data that models are not shown. Empty: what is sent is what they see.
    hidden_data = ArrayField(
        models.CharField(max_length=20, choices=DataKind.choices),
        default=list,
        blank=True,
        db_default=[],
    )
    # Null: those of the plan, which every key is held to beside its own.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    concurrent_requests = models.PositiveIntegerField(null=True, blank=True)
    # How old the answer to an identical request may be to be given again, for nothing.
    # Null: every request is run.
    cache_seconds = models.PositiveIntegerField(null=True, blank=True)
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
        constraints = [
            models.CheckConstraint(
                # Nought would be a key that opens nothing: that one is revoked.
                condition=~Q(requests_per_minute=0)
                & ~Q(tokens_per_minute=0)
                & ~Q(concurrent_requests=0),
                name="keys_apikey_limits",
            ),
            models.CheckConstraint(
                condition=Q(cache_seconds=None)
                | Q(cache_seconds__gte=1, cache_seconds__lte=MOST_CACHE_SECONDS),
                name="keys_apikey_cache",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last4}"

    @property
    def has_rules(self) -> bool:
        """Whether it is held to more than its models, its budget and its end."""
        lists = (self.scopes, self.networks, self.origins, self.hidden_data)
        return any(lists) or any(
            limit is not None
            for limit in (
                self.requests_per_minute,
                self.tokens_per_minute,
                self.concurrent_requests,
                self.cache_seconds,
            )
        )

    @property
    def is_usable(self) -> bool:
        is_expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not is_expired
