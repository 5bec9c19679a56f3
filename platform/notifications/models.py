from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now
from notifications.registry import scopes, silences


class Kind(models.TextChoices):
    """What a message is about; each can be turned off on its own."""

    REPLY = "reply", _("Replies to my topics and posts")
    MENTION = "mention", _("Mentions of my name")
    ANSWER_ACCEPTED = "answer_accepted", _("My answer was accepted")
    WATCHED = "watched", _("Topics I watch")
    COMMENT = "comment", _("Comments on my posts")
    FOLLOWED = "followed", _("Topics of people I follow")
    MESSAGE = "message", _("Messages to me")
    REMINDER = "reminder", _("Reminders of my bookmarks")
    CONTRIBUTION = "contribution", _("Credit for contributions")
    REPORT = "report", _("What became of my reports")
    # By mail only, for who asks for it.
    DIGEST = "digest", _("A letter on Monday: the week in the community")
    LEVEL = "level", _("My level and my badges")
    MODERATION = "moderation", _("Decisions of moderators about me")
    BILLING = "billing", _("Plans and payments")
    SECURITY = "security", _("Security of my account")
    ORGANISATION = "organisation", _("Organisations")
    # By mail only for who asks for it; who says no is offered nothing anywhere.
    OFFERS = "offers", _("Offers and advice about plans")
    # Told to staff alone, who have asked for each.
    FIGURES = "figures", _("Figures I watch")


# Nobody may miss these.
ALWAYS_BY_EMAIL = frozenset({Kind.SECURITY, Kind.MODERATION})
BY_EMAIL_UNLESS_REFUSED = frozenset(
    {
        Kind.REPLY,
        Kind.MENTION,
        Kind.ANSWER_ACCEPTED,
        Kind.MESSAGE,
        Kind.REMINDER,
        Kind.BILLING,
        Kind.ORGANISATION,
        Kind.FIGURES,
    }
)
FOR_STAFF = frozenset({Kind.FIGURES})


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: User) -> Self:
        """What was sent to ``user``, about something they may still see."""
        allowed = Q(about_kind="")
        for kind, scope in scopes().items():
            row = scope(user).filter(pk=OuterRef("about_id"))
            allowed |= Q(Exists(row), about_kind=kind)
        visible = self.filter(allowed, user_id=user.pk)
        for silence in silences():
            # What was told before they were muted goes, too, and is back afterwards.
            muted = Q(actor__in=silence.muted_by(user)) & ~Q(kind__in=ALWAYS_BY_EMAIL)
            visible = visible.exclude(muted)
        return visible

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notification(models.Model):
    """A message in the product; more of the same are counted, not repeated."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    dedupe_key = models.CharField(max_length=160)
    url = models.CharField(max_length=500)
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    # Both in every language, where they differ: a reader's may change.
    words = models.JSONField(default=dict, db_default={}, blank=True)
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # What it is about: title and body are copies, and may outlive a permission.
    about_kind = models.CharField(max_length=20, blank=True, db_default="")
    about_id = models.BigIntegerField(null=True)
    count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now)
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "dedupe_key"], name="notifications_notification_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["user", "-created_at", "-id"], name="notifications_list"
            ),
            models.Index(
                fields=["user"], condition=Q(read_at=None), name="notifications_unread"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title_now(self) -> str:
        """The title in the language that is active."""
        return self._said("title") or self.title

    @property
    def body_now(self) -> str:
        """The body in the language that is active."""
        return self._said("body") or self.body

    def _said(self, part: str) -> str:
        return str(self.words.get(get_language() or "", {}).get(part, ""))


class Preference(models.Model):
    """Whether a kind of message also comes by mail."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    by_email = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"], name="notifications_preference_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}: {self.by_email}"


class EmailMessage(models.Model):
    """A mail to be sent: written in the transaction of its cause, sent by its job."""

    to = models.EmailField()
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="+"
    )
    kind = models.CharField(max_length=30, blank=True)
    # Of a mail about a message nothing is written down but this: what it says is
    # worked out when it leaves, and only if its reader may still see it.
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, null=True, related_name="+"
    )
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    message_id = models.CharField(max_length=120, unique=True)
    # What it is about, said once: the same key never makes a second mail.
    idempotency_key = models.CharField(max_length=200, blank=True, db_default="")
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="notifications_mail_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
