from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.growth.models.offers import Offer
from billing.growth.moments import Moment
from core.clock import now


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def running(self) -> Self:
        """Experiments that decisions assign units to."""
        return self.filter(state=Experiment.State.RUNNING)


class Experiment(models.Model):
    """Variants of what one moment offers, one of which may be nothing.

    A unit's variant is a hash of its name and the experiment's, so it is the same at
    every decision. ``smallest`` is the smallest rise in the share of payers that would
    be acted on; it fixes how many units are planned, and the width of what is inferred.
    """

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("experiment", "Draft")
        RUNNING = "running", pgettext_lazy("experiment", "Running")
        STOPPED = "stopped", pgettext_lazy("experiment", "Stopped")

    key = models.SlugField(
        _("name for programs"),
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _."))
        ],
    )
    moment = models.CharField(_("moment"), max_length=30, choices=Moment.choices)
    hypothesis = models.CharField(_("what is expected, and why"), max_length=300)
    smallest = models.FloatField()
    planned = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=300, blank=True)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["moment"],
                condition=Q(state="running"),
                name="growth_experiment_one_running",
            ),
            models.CheckConstraint(
                condition=Q(smallest__gt=0) & Q(smallest__lt=1) & Q(planned__gte=1),
                name="growth_experiment_planned",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", started_at=None)
                | (~Q(state="draft") & Q(started_at__isnull=False)),
                name="growth_experiment_started",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Variant(models.Model):
    """One arm of an experiment; without an offer it is the control."""

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="variants"
    )
    name = models.CharField(max_length=40)
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="+", null=True
    )
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "name"], name="growth_variant_name"
            ),
            models.UniqueConstraint(
                fields=["experiment", "offer"],
                name="growth_variant_offer",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=1), name="growth_variant_weight"
            ),
        ]

    def __str__(self) -> str:
        return self.name
