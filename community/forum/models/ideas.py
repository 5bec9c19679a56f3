"""What staff decided on an idea, and the word they gave with it."""

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from community.forum.models.topics import Topic
from core.clock import now

# In characters: a few sentences. A longer answer is a reply.
MAX_WORD = 500


class IdeaDecision(models.Model):
    """That an idea came into a state, who said so and why; never changed.

    The latest one of a topic says the same as ``Topic.idea_state``.
    """

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="decisions")
    state = models.CharField(max_length=10, choices=Topic.IdeaState.choices)
    word = models.CharField(max_length=MAX_WORD, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            # Who is told no is told why.
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(word=""),
                name="forum_ideadecision_word",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "planned", "done", "declined"]),
                name="forum_ideadecision_state",
            ),
        ]
        indexes = [
            models.Index("topic", F("id").desc(), name="forum_ideadecision_latest")
        ]

    def __str__(self) -> str:
        return f"{self.topic_id} {self.state}"
