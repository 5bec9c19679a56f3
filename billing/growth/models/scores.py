from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.clock import now


class ScoreModelQuerySet(models.QuerySet["ScoreModel"]):
    def in_force(self) -> Self:
        """The model that scores; none while the points chosen by hand do."""
        return self.filter(is_in_force=True)


class ScoreModel(models.Model):
    """Weights of the signs that a logistic regression learnt from who paid.

    A score is then 100 / (1 + exp(−(intercept + Σ weight · value))). ``gain`` is how
    much better it ranks than what was in force, in AUC on organisations of a later
    month, with the limits of 95 %; only one that surely gains is ever put in force.
    ``threshold`` is the score from which on as many are leads as before.
    """

    made_at = models.DateTimeField(default=now)
    intercept = models.FloatField()
    weights = models.JSONField()
    threshold = models.FloatField()
    learnt_from = models.PositiveIntegerField()
    judged_on = models.PositiveIntegerField()
    gain = models.FloatField()
    gain_low = models.FloatField()
    gain_high = models.FloatField()
    is_in_force = models.BooleanField(default=False)

    objects = ScoreModelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_in_force"],
                condition=Q(is_in_force=True),
                name="growth_scoremodel_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(is_in_force=False) | Q(gain_low__gt=0),
                name="growth_scoremodel_surely_better",
            ),
        ]

    def __str__(self) -> str:
        return f"score model of {self.made_at:%Y-%m-%d}"


class ScoreJudgement(models.Model):
    """How well past scores ranked who paid in the 28 days after them, as of one day.

    ``groups`` are fifths by score: [rows, paid, mean score, low, high].
    """

    class Verdict(models.TextChoices):
        READABLE = "readable", _("can be read")
        TOO_YOUNG = "too_young", _("no snapshot is 28 days old yet")
        FEW_PAYERS = "few_payers", _("too few: fewer than 20 paid afterwards")
        FEW_OTHERS = "few_others", _("too few: fewer than 20 did not pay afterwards")

    day = models.DateField(unique=True)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    organisations = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    paid = models.PositiveIntegerField()
    auc = models.FloatField(null=True)
    auc_low = models.FloatField(null=True)
    auc_high = models.FloatField(null=True)
    lift = models.FloatField(null=True)
    lift_low = models.FloatField(null=True)
    lift_high = models.FloatField(null=True)
    groups = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="readable", auc__isnull=False, lift__isnull=False)
                | (~Q(verdict="readable") & Q(auc=None, lift=None)),
                name="growth_scorejudgement_number",
            ),
            models.CheckConstraint(
                condition=Q(auc=None, auc_low=None, auc_high=None)
                | Q(
                    auc_low__isnull=False,
                    auc_high__isnull=False,
                    auc_low__lte=F("auc"),
                    auc_high__gte=F("auc"),
                ),
                name="growth_scorejudgement_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"judgement of {self.day}: {self.verdict}"
