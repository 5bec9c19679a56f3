"""Where posts went that stood in another topic before."""

from django.db import models

from community.forum.models.posts import Post
from community.forum.models.topics import Topic


class MovedPost(models.Model):
    """The place a post had: its old address leads on, and it may return there.

    A topic never gives such a number to another post.
    """

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="places")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "number"], name="forum_movedpost_place"
            ),
            # A post has one place in a topic, whatever ways it went.
            models.UniqueConstraint(
                fields=["post", "topic"], name="forum_movedpost_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id}#{self.number} is {self.post_id}"
