import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, User
from billing.growth.models.campaigns import CampaignStep
from billing.growth.models.offers import Offer
from billing.growth.moments import Moment
from billing.growth.surfaces import Surface
from core.clock import now

# Who may say yes for an organisation.
PURSE = (Membership.Role.OWNER, Membership.Role.BILLING)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, user: User) -> Self:
        """Offers to ``user``, and those to organisations whose money they look after.

        Staff see the decisions on their own pages; here they are people like others.
        """
        mine = Membership.objects.filter(user_id=user.pk, role__in=PURSE)
        return self.filter(
            Q(user_id=user.pk)
            | Q(user=None, organisation_id__in=mine.values("organisation_id"))
        )

    def standing(self) -> Self:
        """Offers that can still be accepted."""
        return self.filter(
            offer__isnull=False,
            accepted_at=None,
            dismissed_at=None,
            released_at=None,
            expires_at__gt=timezone.now(),
        )

    def shown_on(self, surface: str) -> Self:
        """Offers that a surface shows: of the offer's, the one a campaign chose."""
        return self.filter(
            Q(surface="") | Q(surface=str(surface)),
            offer__surfaces__contains=[str(surface)],
        )

    def compared(self) -> Self:
        """Decisions that say something of an offer: it was made, or kept back."""
        return self.filter(reason__in=Decision.COMPARED)


class Decision(models.Model):
    """What was decided at one moment for one unit, "nothing" included.

    The unit is the organisation; a person without a team is their personal one.
    ``user`` is whom the offer is for, None for who looks after the money.
    ``intended`` is what the policy chose, ``offer`` what was offered after all.
    ``propensity`` is the probability with which the policy chose ``intended``; with
    ``policy``, ``uniform`` and ``context`` the choice can be made again.
    """

    class Reason(models.TextChoices):
        OFFERED = "offered", _("Offered")
        HOLDOUT = "holdout", _("In the permanent holdout")
        OFFER_HOLDOUT = "offer_holdout", _("In the holdout of the offer")
        CAMPAIGN_HOLDOUT = "campaign_holdout", _("In the holdout of the campaign")
        CONTROL = "control", _("In the control of an experiment")
        NO_CONSENT = "no_consent", _("Wants no offers")
        EXCLUDED = "excluded", _("Staff, test people, closed accounts")
        CAP = "cap", _("Was offered enough lately")
        BUDGET = "budget", _("The budget is used up")
        NO_OFFER = "no_offer", _("No offer fits")

    COMPARED = (
        Reason.OFFERED,
        Reason.HOLDOUT,
        Reason.OFFER_HOLDOUT,
        Reason.CAMPAIGN_HOLDOUT,
        Reason.CONTROL,
    )

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    moment = models.CharField(max_length=30, choices=Moment.choices)
    organisation = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        related_name="+",
        # Two indexes begin with it.
        db_index=False,
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", null=True
    )
    occasion = models.CharField(max_length=60)
    decided_at = models.DateTimeField(default=now)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    intended = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="+", null=True
    )
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="decisions", null=True
    )
    offer_version = models.PositiveIntegerField(default=0)
    policy = models.CharField(max_length=60, blank=True)
    # Of a campaign: the step it was, and the one place the step shows its offer at.
    step = models.ForeignKey(
        CampaignStep,
        on_delete=models.PROTECT,
        related_name="decisions",
        null=True,
        # It has a smaller one: most decisions are of no campaign.
        db_index=False,
    )
    surface = models.CharField(
        max_length=20, choices=Surface.choices, blank=True, db_default=""
    )
    # Of an experiment, as ``key:name``.
    variant = models.CharField(max_length=90, blank=True)
    propensity = models.FloatField()
    uniform = models.FloatField()
    context = models.JSONField(default=dict)
    # The day of an offer, by UTC: a unit is offered at most one thing a day.
    offered_on = models.DateField(null=True)
    expires_at = models.DateTimeField(null=True)
    # Not before then may anything reach out to a person: their night is over.
    reach_at = models.DateTimeField(null=True)
    reached_at = models.DateTimeField(null=True)
    reserved_nano = models.BigIntegerField(default=0)
    released_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    dismissed_at = models.DateTimeField(null=True)
    # Until when what was accepted is in force, such as a trial.
    in_force_until = models.DateTimeField(null=True)
    # The first money that came from the unit after this decision.
    paid_at = models.DateTimeField(null=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["moment", "organisation", "occasion"],
                name="growth_decision_once",
            ),
            models.UniqueConstraint(
                fields=["organisation", "offered_on"],
                condition=Q(offered_on__isnull=False),
                name="growth_decision_one_a_day",
            ),
            models.UniqueConstraint(
                fields=["user", "offered_on"],
                condition=Q(offered_on__isnull=False, user__isnull=False),
                name="growth_decision_one_a_day_each",
            ),
            models.CheckConstraint(
                condition=Q(reason="offered", offer=F("intended"))
                | (~Q(reason="offered") & Q(offer=None)),
                name="growth_decision_offer_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(offer=None, offered_on=None, accepted_at=None, seen_at=None)
                | Q(offer__isnull=False, offered_on__isnull=False),
                name="growth_decision_nothing_is_nothing",
            ),
            models.CheckConstraint(
                condition=Q(propensity__gt=0) & Q(propensity__lte=1),
                name="growth_decision_propensity",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "-decided_at"], name="growth_decision_unit"
            ),
            models.Index(
                fields=["moment", "-decided_at", "-id"], name="growth_decision_moment"
            ),
            models.Index(
                fields=["reach_at"],
                condition=Q(reach_at__isnull=False, reached_at=None),
                name="growth_decision_to_reach",
            ),
            models.Index(
                fields=["step", "organisation"],
                condition=Q(step__isnull=False),
                name="growth_decision_step",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(reserved_nano__gt=0, accepted_at=None, released_at=None),
                name="growth_decision_reserved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.moment} of {self.organisation_id}: {self.reason}"

    @property
    def surfaces(self) -> set[str]:
        """The surfaces its offer is shown at; none of nothing."""
        if self.offer is None:
            return set()
        named = set(self.offer.surfaces)
        return named & {self.surface} if self.surface else named


class Exposure(models.Model):
    """An offer was really seen by a person, on a surface for the first time."""

    decision = models.ForeignKey(
        Decision, on_delete=models.CASCADE, related_name="exposures"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    surface = models.CharField(max_length=20)
    seen_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "user", "surface"], name="growth_exposure_once"
            )
        ]
        indexes = [models.Index(fields=["user", "-seen_at"], name="growth_exposure_of")]

    def __str__(self) -> str:
        return f"{self.decision_id} on {self.surface}"


class Cost(models.Model):
    """What an accepted offer cost, in billionths of a US dollar; only ever added to.

    ``reference`` names what it was booked for, so that nothing is booked twice.
    """

    class Kind(models.TextChoices):
        CREDITS = "credits", _("Credits")
        TRIAL_USAGE = "trial_usage", _("Usage during a trial")

    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, related_name="costs"
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    amount_nano = models.BigIntegerField()
    reference = models.CharField(max_length=200, unique=True)
    booked_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_nano__gte=0), name="growth_cost_amount"
            )
        ]
        indexes = [
            models.Index(fields=["offer", "booked_at"], name="growth_cost_of_offer")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.amount_nano}"
