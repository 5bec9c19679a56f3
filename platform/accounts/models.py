from typing import ClassVar, Self

from django.contrib.auth.models import (
    AbstractBaseUser,
    AnonymousUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.clock import now
from core.ids import new_public_id


def new_organisation_id() -> str:
    return new_public_id("org")


def new_user_id() -> str:
    return new_public_id("usr")


class UserManager(BaseUserManager["User"]):
    """Creates users; e-mail addresses are kept in lower case."""

    def create_user(
        self, email: str, username: str, password: str | None = None, **fields: object
    ) -> "User":
        user = self.model(email=email.lower(), username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, username: str, password: str | None = None, **fields: object
    ) -> "User":
        fields |= {"is_staff": True, "is_superuser": True}
        return self.create_user(email, username, password, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person: signs in by e-mail, is known to others by username."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_user_id, editable=False
    )
    email = models.EmailField(_("e-mail address"), unique=True)
    username = models.CharField(_("username"), max_length=40, unique=True)
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    bio = models.TextField(_("about"), max_length=1000, blank=True)
    website = models.URLField(_("website"), blank=True)
    # While these three are empty, the browser's settings count.
    locale = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_moderator = models.BooleanField(default=False)
    # Not counted in any figure: staff, bots and test people.
    is_internal = models.BooleanField(default=False)
    # Wrote elsewhere what was brought here, and has no account: see ``placeholders``.
    is_placeholder = models.BooleanField(default=False, db_default=False)
    # When an account that its person closed is erased; empty while it is open.
    closes_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when this row stands for nobody any more: see ``erasing``.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when a role needs a second factor; empty while none does.
    second_factor_since = models.DateTimeField(null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(default=now)
    # Where they work now; see ``queries.current_organisation``.
    current_organisation = models.ForeignKey(
        "Organisation",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    # Where they were going when they signed up; see ``wishes``.
    wish = models.CharField(max_length=2000, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["username"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"), name="accounts_user_username_ci"
            ),
            models.UniqueConstraint(Lower("email"), name="accounts_user_email_ci"),
            # Nobody comes in as one, is told anything, or is counted.
            models.CheckConstraint(
                condition=Q(is_placeholder=False)
                | Q(
                    is_active=False,
                    is_internal=True,
                    is_staff=False,
                    is_moderator=False,
                    is_superuser=False,
                ),
                name="accounts_user_placeholder",
            ),
            # Nobody comes in as one, has power as one, or is named by one.
            models.CheckConstraint(
                condition=Q(erased_at=None)
                | Q(
                    is_active=False,
                    is_staff=False,
                    is_moderator=False,
                    is_superuser=False,
                    closes_at=None,
                    display_name="",
                    bio="",
                    website="",
                    email__endswith=".invalid",
                ),
                name="accounts_user_erased",
            ),
        ]
        indexes = [
            models.Index(fields=["date_joined"], name="accounts_user_joined"),
            # Whose days are over.
            models.Index(
                fields=["closes_at"],
                condition=Q(closes_at__isnull=False),
                name="accounts_user_closes",
            ),
            # The directory finds people by how their names begin.
            models.Index(
                OpClass(Lower("username"), name="text_pattern_ops"),
                name="accounts_user_username_begins",
            ),
            models.Index(
                OpClass(Lower("display_name"), name="text_pattern_ops"),
                name="accounts_user_name_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        if self.erased_at is not None:
            return gettext("Deleted user")
        return self.display_name or self.username

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.username

    def get_absolute_url(self) -> str:
        return f"/u/{self.username}/"


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Organisations ``user`` belongs to; staff see all of them."""
        if user.is_staff:
            return self
        return self.filter(Q(memberships__user_id=user.pk)).distinct()

    def personal(self) -> Self:
        """Organisations of exactly one person."""
        return self.filter(kind=Organisation.Kind.PERSONAL)


class Organisation(models.Model):
    """Who holds keys, plans and money. Everybody has a personal one."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", _("Personal")
        TEAM = "team", _("Team")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_organisation_id, editable=False
    )
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    owner = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    billing_email = models.EmailField(_("billing e-mail"), blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        constraints = [
            # ``owner`` marks the person a personal organisation belongs to.
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(kind="personal"),
                name="accounts_organisation_one_personal",
            ),
            models.CheckConstraint(
                condition=Q(kind="team") | Q(owner__isnull=False),
                name="accounts_organisation_personal_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's place in an organisation."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        ADMIN = "admin", _("Admin")
        BILLING = "billing", pgettext_lazy("role", "Billing")
        MEMBER = "member", _("Member")

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "user"], name="accounts_membership_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organisation_id} ({self.role})"


class Invitation(models.Model):
    """An open place in an organisation, for the reader of a mailbox."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organisation",
                Lower("email"),
                condition=Q(accepted_at=None),
                name="accounts_invitation_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.organisation_id}"


class Identity(models.Model):
    """A linked outside account, by the provider's own unchanging id."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    provider = models.CharField(max_length=40)
    external_id = models.CharField(max_length=120)
    login = models.CharField(max_length=120, blank=True)
    linked_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="accounts_identity_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.login or self.external_id}"


class PersonalAccessToken(models.Model):
    """A person's key for the REST API; only its digest is stored."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="access_tokens"
    )
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


class IdempotentCall(models.Model):
    """A POST that is done once, and how it was answered."""

    caller = models.CharField(max_length=40)
    key = models.CharField(max_length=128)
    # Of the address and the body: the same key cannot stand for something else.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    # Encrypted: it may hold a secret that is shown once.
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "key"], name="accounts_idempotentcall_once"
            )
        ]
        indexes = [
            # Pruned by age.
            models.Index(fields=["created_at"], name="accounts_call_created")
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
