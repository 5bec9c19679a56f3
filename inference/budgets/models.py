from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from accounts.models import User


class Scope(models.TextChoices):
    """Whose usage a budget is about."""

    ORGANISATION = "organisation", pgettext_lazy("budget", "Organisation")
    PROJECT = "project", pgettext_lazy("budget", "Project")
    KEY = "key", pgettext_lazy("budget", "API key")
    MEMBER = "member", pgettext_lazy("budget", "Member")


class Budget(models.Model):
    """What an organisation, or one of its members, may use in a month (UTC).

    Billionths of a US dollar. Those of projects and keys are columns of theirs.
    """

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    # Null: the whole organisation. A member's keys are those they made.
    member = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    limit_nano = models.BigIntegerField()
    # Whether calls beyond it are refused, or the members only told.
    is_hard = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "member"],
                nulls_distinct=False,
                name="budgets_budget_once",
            ),
            models.CheckConstraint(
                condition=Q(limit_nano__gt=0), name="budgets_budget_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.member_id or ''}: {self.limit_nano}"


class BudgetAlert(models.Model):
    """A share of a budget that a month's usage reached, told once.

    A budget that is changed is another one: ``limit_nano`` is part of what is told.
    """

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    scope = models.CharField(max_length=12, choices=Scope.choices)
    # Of the organisation, the project, the key or the member.
    target_id = models.BigIntegerField()
    month = models.DateField()
    limit_nano = models.BigIntegerField()
    percent = models.PositiveSmallIntegerField()
    reached_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("organisation", "scope", "target_id"),
                    *("month", "limit_nano", "percent"),
                ],
                name="budgets_budgetalert_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.target_id}: {self.percent} %"


class BudgetLook(models.Model):
    """What an organisation had used when its budgets were last looked at."""

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    month = models.DateField()
    price_nano = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.price_nano}"
