"""Polls on posts: what is asked, what may be chosen, and who chose."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from accounts.models import User
from community.forum.models.places import Person
from community.forum.models.posts import Post
from core.clock import now

# In options; Discourse's. A longer list is a survey, and nobody reads it to its end.
MOST_OPTIONS = 20
# In characters; what is longer wraps to three lines on a telephone.
MAX_OPTION = 120


class PollQuerySet(models.QuerySet["Poll"]):
    def visible_to(self, user: Person) -> Self:
        """Polls on posts ``user`` may read: with the post its poll is hidden."""
        return self.filter(post__in=Post.objects.visible_to(user))


class Poll(models.Model):
    """A question with options, on a first post; it moves where its post moves."""

    class Results(models.TextChoices):
        ALWAYS = "always", pgettext_lazy("poll", "At any time")
        VOTED = "voted", pgettext_lazy("poll", "After voting")
        ENDED = "ended", pgettext_lazy("poll", "When it has ended")

    post = models.OneToOneField(Post, on_delete=models.CASCADE, related_name="poll")
    question = models.CharField(max_length=200)
    # Of how many options a person may choose; one is a single choice.
    most_choices = models.PositiveSmallIntegerField(default=1)
    # Nobody is shown who chose what. The row is kept all the same: it is what makes a
    # vote one, and lets it be changed.
    is_anonymous = models.BooleanField(default=True)
    results = models.CharField(
        max_length=10, choices=Results.choices, default=Results.ALWAYS
    )
    # Nothing happens then: later votes are refused. Without it the poll stays open.
    ends_at = models.DateTimeField(null=True, blank=True)
    # How many people voted.
    ballot_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)

    objects = PollQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(most_choices__gte=1, most_choices__lte=MOST_OPTIONS),
                name="forum_poll_most_choices",
            ),
            models.CheckConstraint(
                condition=Q(results__in=["always", "voted", "ended"]),
                name="forum_poll_results",
            ),
        ]

    def __str__(self) -> str:
        return self.question

    @property
    def has_ended(self) -> bool:
        return self.ends_at is not None and self.ends_at <= now()

    @property
    def is_single(self) -> bool:
        return self.most_choices == 1


class PollOption(models.Model):
    """One thing that may be chosen, and how many chose it."""

    poll = models.ForeignKey(Poll, on_delete=models.CASCADE, related_name="options")
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=MAX_OPTION)
    vote_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["poll", "position"], name="forum_polloption_position"
            )
        ]

    def __str__(self) -> str:
        return self.text


class BallotQuerySet(models.QuerySet["Ballot"]):
    def visible_to(self, user: Person) -> Self:
        """One's own, and those of named polls one may read."""
        named = Q(poll__is_anonymous=False)
        own = Q(user_id=user.pk) if user.is_authenticated else Q(pk=None)
        return self.filter(named | own, poll__in=Poll.objects.visible_to(user))


class Ballot(models.Model):
    """That a person voted in a poll: once.

    Of an account that is deleted the vote stays counted, without a person.
    """

    poll = models.ForeignKey(Poll, on_delete=models.CASCADE, related_name="ballots")
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    options = models.ManyToManyField(PollOption, through="BallotChoice")
    voted_at = models.DateTimeField(default=now)

    objects = BallotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["poll", "user"], name="forum_ballot_once")
        ]
        indexes = [
            # Who voted, and what one voted for, the latest first.
            models.Index(
                "poll",
                F("voted_at").desc(),
                F("id").desc(),
                name="forum_ballot_latest",
            ),
            models.Index(
                "user",
                F("voted_at").desc(),
                F("id").desc(),
                name="forum_ballot_mine",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.poll_id}"

    @property
    def chosen(self) -> list[str]:
        """The options that were chosen, as they read."""
        return [option.text for option in self.options.all()]


class BallotChoice(models.Model):
    """One option on a ballot."""

    ballot = models.ForeignKey(Ballot, on_delete=models.CASCADE, related_name="choices")
    option = models.ForeignKey(
        PollOption, on_delete=models.CASCADE, related_name="choices"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ballot", "option"], name="forum_ballotchoice_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ballot_id}: {self.option_id}"
