"""What waits for a moderator, who reported it, and what moderators did to many."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from community.forum.models import Comment, Post, Topic
from community.standing.models import Sanction
from core.clock import now


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, user: User) -> Self:
        """Moderators and staff see every case; nobody else any."""
        return self if user.is_staff or user.is_moderator else self.none()

    def undecided(self) -> Self:
        """What waits for a moderator."""
        return self.filter(outcome="")


class Case(models.Model):
    """One thing that waits for a moderator: a reported text, an appeal, a ring."""

    class Kind(models.TextChoices):
        REPORT = "report", _("Reported text")
        APPEAL = "appeal", _("Appeal")
        RING = "ring", _("Vote ring")
        MESSAGE = "message", _("Reported message")

    class Outcome(models.TextChoices):
        """What was decided: of what was said in the case, that it is right, or not."""

        AGREED = "agreed", _("Agreed")
        DISAGREED = "disagreed", _("Disagreed")
        IGNORED = "ignored", _("Ignored")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    # What it is about: one of these, or for a ring a key of its own.
    post = models.ForeignKey(
        Post, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    comment = models.ForeignKey(
        Comment, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    sanction = models.ForeignKey(
        Sanction, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    ring = models.CharField(max_length=64, blank=True)
    # The id of a private message, in the table of an app above. What was said stands in
    # ``text``: who decides reads that, and nothing else of the conversation.
    message = models.PositiveBigIntegerField(null=True, blank=True)
    # Whose text, sanction or votes it is.
    subject = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    # What an appeal says, what was found, or the message as it was when it was shown.
    text = models.TextField(blank=True)
    # How much reports weigh; the queue begins with the most.
    score = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(default=now)
    # When reports alone took the text out of sight.
    hidden_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, blank=True, default=""
    )
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # The person it is about reads it.
    note = models.CharField(max_length=300, blank=True)
    # Whether the decision changed anything that is put back when it is undone.
    did_change = models.BooleanField(default=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    Q(post__isnull=False, comment=None)
                    | Q(post=None, comment__isnull=False),
                    kind="report",
                    sanction=None,
                    ring="",
                    message=None,
                )
                | Q(
                    kind="appeal",
                    sanction__isnull=False,
                    post=None,
                    comment=None,
                    ring="",
                    message=None,
                )
                | Q(
                    Q(
                        kind="ring",
                        sanction=None,
                        post=None,
                        comment=None,
                        message=None,
                    ),
                    ~Q(ring=""),
                )
                | Q(
                    kind="message",
                    message__isnull=False,
                    sanction=None,
                    post=None,
                    comment=None,
                    ring="",
                ),
                name="moderation_case_target",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", decided_at=None)
                | Q(~Q(outcome=""), decided_at__isnull=False),
                name="moderation_case_decided",
            ),
            models.UniqueConstraint(
                fields=["post"],
                condition=Q(outcome="", post__isnull=False),
                name="moderation_case_one_of_post",
            ),
            models.UniqueConstraint(
                fields=["comment"],
                condition=Q(outcome="", comment__isnull=False),
                name="moderation_case_one_of_comment",
            ),
            models.UniqueConstraint(
                fields=["message"],
                condition=Q(outcome="", message__isnull=False),
                name="moderation_case_one_of_message",
            ),
            # A sanction is appealed against once.
            models.UniqueConstraint(
                fields=["sanction"],
                condition=Q(sanction__isnull=False),
                name="moderation_case_one_appeal",
            ),
            models.UniqueConstraint(
                fields=["ring"],
                condition=~Q(ring=""),
                name="moderation_case_one_of_ring",
            ),
        ]
        indexes = [
            models.Index(
                F("score").desc(),
                F("id").desc(),
                condition=Q(outcome=""),
                name="moderation_case_queue",
            ),
            models.Index(
                F("decided_at").desc(),
                F("id").desc(),
                condition=~Q(outcome=""),
                name="moderation_case_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def get_absolute_url(self) -> str:
        return f"/moderation/cases/{self.pk}/"


class Flag(models.Model):
    """One person's report of one text."""

    class Reason(models.TextChoices):
        SPAM = "spam", _("It advertises, or repeats itself")
        RUDE = "rude", _("It attacks or insults people")
        OFF_TOPIC = "off_topic", _("It has nothing to do with the topic")
        OTHER = "other", _("Something else")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="flags")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    note = models.CharField(max_length=500, blank=True)
    # How much it counted when it was made, and whether it may help to hide the text.
    weight = models.PositiveSmallIntegerField()
    is_proven = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "person"], name="moderation_flag_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["person", "-created_at"], name="moderation_flag_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} reports {self.case_id}"


class Act(models.Model):
    """What a moderator did to many topics or cases at once; it can be undone."""

    class Kind(models.TextChoices):
        LOCK = "lock", _("Lock")
        UNLOCK = "unlock", _("Unlock")
        MOVE = "move", _("Move")
        TAG = "tag", _("Add a tag")
        HIDE = "hide", _("Hide")
        RESTORE = "restore", _("Restore")
        AGREED = "agreed", _("Agree")
        DISAGREED = "disagreed", _("Disagree")
        IGNORED = "ignored", _("Ignore")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    # The category topics were moved to, or the tag they were given.
    value = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=now)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        indexes = [
            models.Index(
                F("created_at").desc(), F("id").desc(), name="moderation_act_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def get_absolute_url(self) -> str:
        return f"/moderation/acts/{self.pk}/"


class ActItem(models.Model):
    """What one act did to one topic or case, and how that was before."""

    class Result(models.TextChoices):
        CHANGED = "changed", pgettext_lazy("act", "Changed")
        UNCHANGED = "unchanged", _("Was so already, or could not be")
        UNDONE = "undone", _("Undone")
        KEPT = "kept", _("Changed by others since: left as it is")

    act = models.ForeignKey(Act, on_delete=models.CASCADE, related_name="items")
    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    case = models.ForeignKey(
        Case, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    # Whether it was locked or hidden, its category's key, its tags, by the kind.
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    result = models.CharField(max_length=10, choices=Result.choices)
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(topic__isnull=False, case=None)
                | Q(topic=None, case__isnull=False),
                name="moderation_actitem_target",
            ),
            models.UniqueConstraint(
                fields=["act", "topic"], name="moderation_actitem_once"
            ),
            models.UniqueConstraint(
                fields=["act", "case"], name="moderation_actitem_case_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act_id}: {self.result}"
