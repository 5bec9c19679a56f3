"""How much was read, day by day: what trust is measured from."""

from django.db import models

from accounts.models import User


class ReadingDay(models.Model):
    """What one person read in the forum on one UTC day."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    # Topics opened for the first time, and posts seen for the first time.
    topics = models.PositiveIntegerField(default=0)
    posts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "day"], name="forum_readingday_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}: {self.posts}"
