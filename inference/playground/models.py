import json
import secrets
from datetime import timedelta
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, User
from core.clock import now
from core.ids import new_public_id
from inference.catalog.models import NAME_LENGTH
from inference.playground.fields import SealedTextField
from inference.usage.models import UsageEvent

# As many columns as a wide screen holds side by side.
MOST_MODELS = 4
# Two lines of the list of chats.
TITLE_LENGTH = 120
# A running answer is noted every second, and one that waits is fetched by the page at
# once; one not seen for so long lost its process or its page.
LOST_AFTER = timedelta(seconds=20)


def new_chat_id() -> str:
    return new_public_id("chat")


def new_share_token() -> str:
    """Return what opens a shared chat: 192 random bits, which nobody guesses."""
    return secrets.token_urlsafe(24)


class ChatQuerySet(models.QuerySet["Chat"]):
    def visible_to(self, user: User | AnonymousUser, *, token: str = "") -> Self:
        """Chats ``user`` may read: their own and those shared with them.

        ``token`` is what a link brings along; without it no link opens anything. Staff
        see no more than anybody: what is said to a model is its author's.
        """
        seen = Q(pk=None)
        if token:
            opens = [Chat.Sharing.PUBLIC]
            if user.is_authenticated:
                opens.append(Chat.Sharing.LINK)
            seen |= Q(share_token=token, sharing__in=opens)
        if user.is_authenticated:
            mine = Membership.objects.filter(user_id=user.pk)
            seen |= Q(owner_id=user.pk) | Q(
                sharing=Chat.Sharing.ORGANISATION,
                shared_with__in=mine.values("organisation"),
            )
        return self.filter(seen)


class Chat(models.Model):
    """A conversation with one to four models, kept for its owner.

    ``columns`` are the models' names from left to right; in a blind one the server drew
    that order, and nobody is told it before the vote.
    """

    class Sharing(models.TextChoices):
        PRIVATE = "private", _("Only me")
        ORGANISATION = "organisation", _("Members of my organisation")
        LINK = "link", _("Whoever is signed in and has the link")
        PUBLIC = "public", _("Everybody who has the link")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_chat_id, editable=False
    )
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    # Who pays for the next answer.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    title = SealedTextField()
    columns = ArrayField(models.CharField(max_length=NAME_LENGTH))
    is_blind = models.BooleanField(default=False)
    # How the next message begins: what was chosen for the one before.
    settings_text = SealedTextField(blank=True, default="")
    sharing = models.CharField(
        max_length=12, choices=Sharing.choices, default=Sharing.PRIVATE
    )
    shared_with = models.ForeignKey(
        Organisation, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    share_token = models.CharField(max_length=40, null=True, unique=True)  # noqa: DJ001 - unique where there is one
    forked_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # One per form as it was shown: sent twice, it makes one chat.
    submission = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    objects = ChatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(columns__len__gte=1, columns__len__lte=MOST_MODELS),
                name="playground_chat_columns",
            ),
            models.CheckConstraint(
                condition=Q(sharing__in=["private", "organisation"], share_token=None)
                | Q(sharing__in=["link", "public"], share_token__isnull=False),
                name="playground_chat_link",
            ),
            models.UniqueConstraint(
                fields=["owner", "submission"],
                condition=~Q(submission=""),
                name="playground_chat_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "-updated_at", "-id"], name="playground_chat_of_owner"
            ),
            models.Index(
                fields=["shared_with", "-updated_at", "-id"],
                condition=Q(sharing="organisation"),
                name="playground_chat_of_team",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def get_absolute_url(self) -> str:
        return reverse("playground:chat", args=[self.public_id])

    @property
    def is_comparison(self) -> bool:
        return len(self.columns) > 1

    @property
    def settings(self) -> dict[str, Any]:
        return _document(self.settings_text)


class Message(models.Model):
    """What a person, a model or a function said.

    ``number`` is the place in the chat. An answer stands in a ``column``; what the
    person wrote stands in none, since every model hears it.
    """

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"
        TOOL = "tool"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        DEAD = "dead"

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="messages")
    number = models.PositiveIntegerField()
    column = models.PositiveSmallIntegerField(null=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DONE)
    model = models.CharField(max_length=NAME_LENGTH, blank=True)
    content = SealedTextField(blank=True, default="")
    # JSON: the functions a model called, or the call a result belongs to.
    calls_text = SealedTextField(blank=True, default="")
    # JSON: the parameters a person's message was sent with.
    parameters_text = SealedTextField(blank=True, default="")
    error_code = models.CharField(max_length=60, blank=True)
    error_text = models.TextField(blank=True)
    # The ledger's row of this answer's call. The gateway writes it, mostly after the
    # answer, so the row that is named may be still to come.
    usage = models.ForeignKey(
        UsageEvent,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
    )
    first_token_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    # Taken over by a fork: it was paid for in the chat it comes from.
    is_copy = models.BooleanField(default=False)
    submission = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chat", "number", "column"],
                nulls_distinct=False,
                name="playground_message_place",
            ),
            models.UniqueConstraint(
                fields=["chat", "submission"],
                condition=~Q(submission=""),
                name="playground_message_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id} {self.number} {self.role}"

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The functions a model called, as the protocol writes them."""
        found = _document(self.calls_text).get("calls", [])
        return found if isinstance(found, list) else []

    @property
    def results(self) -> list[dict[str, str]]:
        """What functions returned: the call's id, the function's name and the text."""
        found = _document(self.calls_text).get("results", [])
        return found if isinstance(found, list) else []

    @property
    def parameters(self) -> dict[str, Any]:
        return _document(self.parameters_text)

    @property
    def is_underway(self) -> bool:
        """Whether it is still to come, and a process is at it or about to be."""
        is_open = self.state in {self.State.WAITING, self.State.RUNNING}
        return is_open and self.seen_at > timezone.now() - LOST_AFTER

    @property
    def is_stopped(self) -> bool:
        is_open = self.state in {self.State.WAITING, self.State.RUNNING}
        is_lost = is_open and not self.is_underway
        return self.state == self.State.STOPPED or is_lost

    @property
    def is_ending(self) -> bool:
        """Whether it was stopped a moment ago and its last words are still to be kept.

        The process that brings it writes them down together with the time it took.
        """
        is_open = self.state == self.State.STOPPED and self.total_ms is None
        is_lost = self.seen_at <= timezone.now() - LOST_AFTER
        return is_open and not is_lost and not self.is_copy

    @property
    def is_empty(self) -> bool:
        return not self.content and not self.calls_text


class Vote(models.Model):
    """What a person thought of a blind comparison; it holds no word of it.

    ``columns`` are the models as they stood, ``winner`` one of them, or empty.
    """

    class Verdict(models.TextChoices):
        WIN = "win"
        TIE = "tie"
        BAD = "bad"

    # A vote outlives the chat and the person: it is one of many.
    chat = models.ForeignKey(
        Chat, on_delete=models.SET_NULL, null=True, related_name="votes"
    )
    voter = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    columns = ArrayField(models.CharField(max_length=NAME_LENGTH))
    winner = models.CharField(max_length=NAME_LENGTH, blank=True)
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    # Of the prompt: "en", "zh" or nothing that can be told.
    language = models.CharField(max_length=2, blank=True)
    # An answer that said its model's name was not blind: shown, but not ranked.
    is_counted = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chat", "voter"], name="playground_vote_once"
            ),
            models.CheckConstraint(
                condition=(Q(verdict="win") & ~Q(winner=""))
                | (~Q(verdict="win") & Q(winner="")),
                name="playground_vote_winner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} of {', '.join(self.columns)}"


def _document(text: str) -> dict[str, Any]:
    # Written by us; only its encryption can fail, which leaves nothing to read.
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
