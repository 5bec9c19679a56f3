from datetime import date
from typing import Self

from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing.growth.models.offers import Offer
from billing.growth.moments import Moment
from billing.growth.surfaces import Surface
from core.clock import now


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def counted(self) -> Self:
        """Each with how many organisations ``entered`` it and are ``going``."""
        return self.annotate(
            entered=models.Count("enrolments"),
            going=models.Count("enrolments", filter=Q(enrolments__ended_at=None)),
        )

    def with_steps(self) -> Self:
        """Each with its ``ordered_steps`` and their offers, in one query more."""
        steps = CampaignStep.objects.select_related("offer").order_by("rank")
        return self.prefetch_related(
            models.Prefetch("steps", queryset=steps, to_attr="ordered_steps")
        )

    def going(self, day: date) -> Self:
        """Campaigns that take steps on a day: running, not paused, in their dates.

        Staff plan by the days of the reports (``core.clock.reporting_day``).
        """
        return self.filter(
            Q(starts_on=None) | Q(starts_on__lte=day),
            Q(ends_on=None) | Q(ends_on__gte=day),
            state=Campaign.State.RUNNING,
            paused_at=None,
        )


class Campaign(models.Model):
    """Steps that a group of organisations goes through, and whom it is compared with.

    Who is in it is a segment, as it was when it was chosen; or whom a moment occurred
    to since the start; or both. ``holdout_percent`` of them are kept from all of its
    offers, by a hash of the organisation and the campaign, so it never changes.
    """

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("campaign", "Draft")
        RUNNING = "running", pgettext_lazy("campaign", "Running")
        STOPPED = "stopped", pgettext_lazy("campaign", "Stopped")

    class Goal(models.TextChoices):
        PAYMENT = "payment", _("The first payment")
        ACCEPTANCE = "acceptance", _("An offer of it is accepted")

    key = models.SlugField(
        _("name for programs"),
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _."))
        ],
    )
    purpose = models.CharField(_("what is expected, and why"), max_length=300)
    moment = models.CharField(
        _("moment"), max_length=30, choices=Moment.choices, blank=True
    )
    # The words of the segment's address: a later change of it changes no campaign.
    segment_name = models.CharField(max_length=80, blank=True)
    segment_query = models.TextField(blank=True)
    goal = models.CharField(
        _("it is over for whom"),
        max_length=12,
        choices=Goal.choices,
        default=Goal.PAYMENT,
    )
    holdout_percent = models.PositiveSmallIntegerField(
        _("percent kept out, to compare with"),
        default=20,
        validators=[MinValueValidator(5), MaxValueValidator(50)],
    )
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # Counts how often it was saved: who read another one changes nothing.
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    # When its audience was last looked at.
    looked_at = models.DateTimeField(null=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(moment="") | ~Q(segment_query=""),
                name="growth_campaign_audience",
            ),
            models.CheckConstraint(
                condition=Q(holdout_percent__gte=5) & Q(holdout_percent__lte=50),
                name="growth_campaign_holdout",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None)
                | Q(ends_on=None)
                | Q(ends_on__gte=F("starts_on")),
                name="growth_campaign_dates",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", started_at=None)
                | (~Q(state="draft") & Q(started_at__isnull=False)),
                name="growth_campaign_started",
            ),
            models.CheckConstraint(
                condition=Q(state="stopped", stopped_at__isnull=False)
                | (~Q(state="stopped") & Q(stopped_at=None)),
                name="growth_campaign_stopped",
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None) | Q(state="running"),
                name="growth_campaign_paused",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None


class CampaignStep(models.Model):
    """One step of a campaign; ``rank`` counts from 1.

    A wait has ``hours``, an offer the place it is shown at (``surface``; empty is all
    places of the offer), a condition what has to be true to go on.
    """

    class Kind(models.TextChoices):
        WAIT = "wait", _("Wait")
        OFFER = "offer", pgettext_lazy("step", "Offer")
        CONDITION = "condition", _("Go on only if")

    class Condition(models.TextChoices):
        SEEN = "seen", _("the last offer was seen")
        UNSEEN = "unseen", _("the last offer was not seen")
        UNACCEPTED = "unaccepted", _("no offer of it was accepted")
        USED = "used", _("models were called since it began")
        UNUSED = "unused", _("no model was called since it began")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="steps"
    )
    rank = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    hours = models.PositiveSmallIntegerField(default=0)
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="+", null=True
    )
    surface = models.CharField(max_length=20, choices=Surface.choices, blank=True)
    condition = models.CharField(max_length=12, choices=Condition.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "rank"], name="growth_campaignstep_rank"
            ),
            models.CheckConstraint(
                condition=Q(kind="wait", hours__gte=1, offer=None, condition="")
                | Q(kind="offer", hours=0, offer__isnull=False, condition="")
                | (Q(kind="condition", hours=0, offer=None) & ~Q(condition="")),
                name="growth_campaignstep_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.rank}"


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    def open(self) -> Self:
        """Those that have steps before them."""
        return self.filter(ended_at=None)


class Enrolment(models.Model):
    """An organisation on its way through a campaign; it goes through it once.

    ``user`` is whom its offers are for, None for who looks after the money. ``step``
    is the rank of the step that is due at ``next_at``.
    """

    class End(models.TextChoices):
        COMPLETED = "completed", _("All steps were taken")
        CONVERTED = "converted", _("The goal was reached")
        UNSUBSCRIBED = "unsubscribed", _("Wants no offers any more")
        LEFT = "left", _("Left the segment")
        CONDITION = "condition", _("A condition was not met")
        EXCLUDED = "excluded", _("Staff, test people, closed accounts")
        STOPPED = "stopped", _("The campaign was stopped")
        DEAD = "dead", _("A step failed again and again")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="enrolments"
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", null=True
    )
    entered_at = models.DateTimeField(default=now)
    step = models.PositiveSmallIntegerField(default=1)
    # How often the step was put off since the unit had been offered enough, or failed.
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    ended_as = models.CharField(max_length=12, choices=End.choices, blank=True)

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "organisation"], name="growth_enrolment_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_as="")
                | (Q(ended_at__isnull=False) & ~Q(ended_as="")),
                name="growth_enrolment_ended",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=Q(ended_at=None),
                name="growth_enrolment_due",
            ),
            models.Index(fields=["campaign", "ended_as"], name="growth_enrolment_ends"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} in {self.campaign_id}"
