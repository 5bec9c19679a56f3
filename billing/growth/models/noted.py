from django.db import models

from accounts.models import User


class AcceptedAnswer(models.Model):
    """An answer as facts told of it last: whether it is accepted now."""

    answer_id = models.BigIntegerField(primary_key=True)
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    is_accepted = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["author"],
                condition=models.Q(is_accepted=True),
                name="growth_answer_accepted",
            )
        ]

    def __str__(self) -> str:
        return f"answer {self.answer_id}"


class CompanyDomain(models.Model):
    """A company's mail domain, and who of it was here first."""

    domain = models.CharField(max_length=255, unique=True)
    first_user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.domain
