"""What people say of a post without words."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.models.posts import Post
from core.clock import now


class Reaction(models.Model):
    """One person's reaction of one kind to a post; it moves no points and no list."""

    class Kind(models.TextChoices):
        """A small fixed set, so that a count means the same under every post."""

        THANKS = "thanks", _("Thank you")
        CONFIRM = "confirm", _("It works for me")
        CELEBRATE = "celebrate", _("Congratulations")
        INSIGHT = "insight", _("I learned something")
        PUZZLED = "puzzled", _("I do not understand it")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="reactions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            # The post first: a page asks for the reader's own of thirty posts.
            models.UniqueConstraint(
                fields=["post", "user", "kind"], name="forum_reaction_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.post_id}"


class ReactionCount(models.Model):
    """How many reactions of one kind a post has, so that no page counts them."""

    post = models.ForeignKey(
        Post, on_delete=models.CASCADE, related_name="reaction_counts"
    )
    kind = models.CharField(max_length=12, choices=Reaction.Kind.choices)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["post", "kind"], name="forum_reactioncount_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.post_id} {self.kind}: {self.count}"
