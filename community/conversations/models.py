"""Conversations, who takes part, and what was said."""

from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now
from design import markdown

# A table at a restaurant. More people are a topic of the forum.
MOST_PEOPLE = 10


class PrivateConversationQuerySet(models.QuerySet["PrivateConversation"]):
    def visible_to(self, user: User) -> Self:
        """Conversations ``user`` takes part in; staff see no others either."""
        own = Participant.objects.filter(
            conversation=OuterRef("pk"), user_id=user.pk, left_at=None
        )
        return self.filter(Exists(own))


class PrivateConversation(models.Model):
    """What two to ten people say to each other."""

    title = models.CharField(_("title"), max_length=120)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    highest_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    last_message_at = models.DateTimeField(default=now)

    objects = PrivateConversationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/messages/{self.pk}/"


class Participant(models.Model):
    """A person in a conversation, and how far they have read."""

    conversation = models.ForeignKey(
        PrivateConversation, on_delete=models.CASCADE, related_name="participants"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    last_read_number = models.PositiveIntegerField(default=0)
    # As the conversation has it, so that a person's list reads one index.
    last_message_at = models.DateTimeField(default=now)
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "user"], name="conversations_participant_once"
            )
        ]
        indexes = [
            models.Index(
                "user",
                F("last_message_at").desc(),
                F("id").desc(),
                condition=Q(left_at=None),
                name="conversations_list",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.conversation_id}"


class PrivateMessageQuerySet(models.QuerySet["PrivateMessage"]):
    def visible_to(self, user: User) -> Self:
        """Messages of conversations ``user`` takes part in."""
        own = Participant.objects.filter(
            conversation=OuterRef("conversation"), user_id=user.pk, left_at=None
        )
        return self.filter(Exists(own))


class PrivateMessage(models.Model):
    """One text of a conversation. Its author may take it back; nobody edits it."""

    conversation = models.ForeignKey(
        PrivateConversation, on_delete=models.CASCADE, related_name="messages"
    )
    number = models.PositiveIntegerField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    source_md = models.TextField(blank=True)
    html = models.TextField(blank=True)
    plain = models.TextField(blank=True)
    render_version = models.PositiveIntegerField()
    # Made by the form, so that a second click is the same message; and the SHA-256 of
    # what was sent with it.
    client_token = models.CharField(max_length=64, blank=True)
    client_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)
    # Taken back: then nothing of its text is kept.
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = PrivateMessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "number"], name="conversations_message_number"
            ),
            models.UniqueConstraint(
                fields=["author", "client_token"],
                condition=~Q(client_token=""),
                name="conversations_message_submitted_once",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(source_md="", html="", plain=""),
                name="conversations_message_removed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}#{self.number}"

    def get_absolute_url(self) -> str:
        return f"/messages/{self.conversation_id}/?n={self.number}#m{self.number}"

    @property
    def is_removed(self) -> bool:
        return self.removed_at is not None

    @property
    def shown(self) -> markdown.Rendered | Self:
        """What to show: the stored HTML, or a new one when rules have changed since."""
        return self if self.render_version == markdown.VERSION else self.rendered()

    def rendered(self) -> markdown.Rendered:
        """Return what the source becomes by today's rules.

        Names are no links here: calling a person who does not take part reaches no one.
        """
        return markdown.render(self.source_md, id_prefix=f"m{self.number}", top_level=3)


class MessagePreference(models.Model):
    """Who may begin to write to a person. Without a row it is everybody."""

    class From(models.TextChoices):
        EVERYBODY = "everybody", _("Everybody")
        FOLLOWED = "followed", _("People I follow")
        NOBODY = "nobody", _("Nobody but moderators and staff")

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    messages_from = models.CharField(max_length=10, choices=From.choices)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.messages_from}"
