import uuid
from typing import Self

from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.growth.moments import Moment
from billing.growth.stats.bandit import FLOOR
from core.clock import now


class Catalogue(models.Model):
    """One row: the revision of everything a decision reads from a process's memory.

    A decision reads it with everything else and loads the catalogue anew when it is
    another one, so no process decides by what is outdated.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="growth_catalogue_one")
        ]

    def __str__(self) -> str:
        return str(self.revision)


class OfferQuerySet(models.QuerySet["Offer"]):
    def active(self) -> Self:
        """Offers that may be made now."""
        return self.filter(state=Offer.State.ACTIVE)


class Offer(models.Model):
    """Something that may be offered, in the words of both languages.

    An offer never names a price: what is bought costs what the pricing page says.
    ``cost_nano`` is the most that one acceptance can cost us and ``budget_nano`` what
    all of them may, in billionths of a US dollar. ``reserved_nano`` is what the offers
    that are open or accepted could cost.
    """

    class Kind(models.TextChoices):
        PLAN = "plan", _("Look at the plans")
        PREMIUM_TRIAL = "premium_trial", _("Premium trial")
        TEAM_TRIAL = "team_trial", _("Team trial")
        CREDITS = "credits", _("Credits")
        ANNUAL = "annual", _("Yearly payment")
        OFFICE_HOUR = "office_hour", _("Office hour")
        TALK = "talk", _("Talk to us")
        DOCS = "docs", _("Guide in the docs")
        STAY = "stay", _("Another plan instead of none")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("offer", "Draft")
        ACTIVE = "active", pgettext_lazy("offer", "Active")
        RETIRED = "retired", pgettext_lazy("offer", "Retired")

    key = models.SlugField(
        _("name for programs"),
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _."))
        ],
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    title_en = models.CharField(_("title in English"), max_length=80)
    title_zh = models.CharField(_("title in Chinese"), max_length=80)
    body_en = models.CharField(_("text in English"), max_length=300)
    body_zh = models.CharField(_("text in Chinese"), max_length=300)
    action_en = models.CharField(_("button in English"), max_length=40)
    action_zh = models.CharField(_("button in Chinese"), max_length=40)
    surfaces = models.JSONField(_("surfaces"), default=list)
    target = models.CharField(_("page it leads to"), max_length=200, blank=True)
    plan = models.SlugField(_("plan of a trial"), max_length=40, blank=True)
    days = models.PositiveSmallIntegerField(_("days of a trial"), default=0)
    credit_nano = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    budget_nano = models.BigIntegerField(null=True, blank=True)
    reserved_nano = models.BigIntegerField(default=0)
    # Of its own: kept from this offer, whatever else is offered.
    holdout_percent = models.PositiveSmallIntegerField(
        _("percent kept out, to compare with"),
        default=10,
        validators=[MaxValueValidator(50)],
    )
    valid_days = models.PositiveSmallIntegerField(
        _("days it stays open"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now)

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(budget_nano=None) | Q(reserved_nano__lte=F("budget_nano")),
                name="growth_offer_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(reserved_nano__gte=0)
                & Q(cost_nano__gte=0)
                & Q(credit_nano__gte=0),
                name="growth_offer_amounts",
            ),
            # What can cost something has an end to what it may cost.
            models.CheckConstraint(
                condition=Q(cost_nano=0) | Q(budget_nano__isnull=False),
                name="growth_offer_budgeted",
            ),
            # A credit cannot cost less than it is worth.
            models.CheckConstraint(
                condition=Q(credit_nano__lte=F("cost_nano")),
                name="growth_offer_credit_costs",
            ),
            models.CheckConstraint(
                condition=Q(holdout_percent__lte=50) & Q(valid_days__gte=1),
                name="growth_offer_ranges",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["premium_trial", "team_trial"])
                | (Q(days__gte=1) & ~Q(plan="")),
                name="growth_offer_trial_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def title(self) -> str:
        return self._in_language("title")

    @property
    def body(self) -> str:
        return self._in_language("body")

    @property
    def action(self) -> str:
        return self._in_language("action")

    def _in_language(self, name: str) -> str:
        language = "zh" if (get_language() or "").startswith("zh") else "en"
        return str(getattr(self, f"{name}_{language}"))


class Policy(models.Model):
    """How one moment chooses among its offers; a new version replaces the old one."""

    class Mode(models.TextChoices):
        RULES = "rules", _("The first that fits")
        BANDIT = "bandit", _("Learns which works")

    moment = models.CharField(max_length=30, choices=Moment.choices)
    version = models.PositiveIntegerField()
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.RULES)
    floor = models.FloatField(default=FLOOR)
    # What a unit has to bring at least, in nano-USD; below it an arm is stopped.
    least_margin_nano = models.BigIntegerField(null=True, blank=True)
    # What a bandit has learnt: the probability of each offer, by its key.
    shares = models.JSONField(default=dict)
    learnt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["moment", "version"], name="growth_policy_version"
            ),
            models.UniqueConstraint(
                fields=["moment"],
                condition=Q(retired_at=None),
                name="growth_policy_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(floor__gte=0) & Q(floor__lte=0.5),
                name="growth_policy_floor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.moment}@{self.version}"


class PolicyOffer(models.Model):
    """One offer a policy may choose; the lower rank is preferred."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="entries")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    rank = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "rank"], name="growth_policyoffer_rank"
            ),
            models.UniqueConstraint(
                fields=["policy", "offer"], name="growth_policyoffer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id}/{self.rank}"
