"""What the REST API of campaigns takes and gives."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from rest_framework import serializers

from billing.growth.campaigns.forms import LONGEST_WAIT, PARTS, STEPS, CampaignForm
from billing.growth.campaigns.results import CampaignFigures
from billing.growth.lift import Lift
from billing.growth.measuring import Measured
from billing.growth.models import Campaign, CampaignStep
from billing.growth.moments import CHOOSING
from billing.growth.surfaces import Surface
from edge.endpoints import PageQuery, PageSerializer
from edge.rest import StrictSerializer

Kind = CampaignStep.Kind
# Which fields a kind of step may say; its other ones are null or empty.
SAYS = {kind: {part} for kind, part in PARTS.items()}
SAYS[Kind.OFFER].add("surface")
# What the column holds; nobody saves a campaign as often.
MOST_VERSIONS = 2**31 - 1


class CampaignQuery(PageQuery):
    """Which campaigns."""

    state = serializers.ChoiceField(choices=Campaign.State.choices, required=False)


class StepSerializer(StrictSerializer):
    """One step: a wait has `hours`, an offer its `offer`, a condition its `condition`.

    What a step of another kind would say is null or empty.
    """

    kind = serializers.ChoiceField(choices=Kind.choices)
    hours = serializers.IntegerField(
        min_value=1, max_value=LONGEST_WAIT, allow_null=True, default=None
    )
    offer = serializers.CharField(
        max_length=40,
        allow_null=True,
        default=None,
        source="offer_key",
        help_text="The offer's name for programs.",
    )
    surface = serializers.ChoiceField(
        choices=Surface.choices,
        allow_blank=True,
        default="",
        help_text="The one place it is shown at; empty is all places of the offer.",
    )
    condition = serializers.ChoiceField(
        choices=CampaignStep.Condition.choices, allow_blank=True, default=""
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        typed = {**attrs, "offer": attrs["offer_key"]}
        strange = [
            name
            for name in ("hours", "offer", "surface", "condition")
            if typed[name] and name not in SAYS[Kind(attrs["kind"])]
        ]
        if strange:
            raise serializers.ValidationError(
                {name: ["A step of this kind has none."] for name in strange}
            )
        return attrs


class _CampaignBody(StrictSerializer):
    """What staff write about a campaign."""

    purpose = serializers.CharField(max_length=300)
    segment = serializers.CharField(
        max_length=40,
        allow_null=True,
        required=False,
        help_text="The id of a saved segment, taken as it is now; null is everybody.",
    )
    moment = serializers.ChoiceField(
        choices=[(each.value, each.label) for each in CHOOSING],
        allow_blank=True,
        default="",
    )
    goal = serializers.ChoiceField(
        choices=Campaign.Goal.choices, default=Campaign.Goal.PAYMENT
    )
    holdout_percent = serializers.IntegerField(min_value=5, max_value=50, default=20)
    starts_on = serializers.DateField(allow_null=True, default=None)
    ends_on = serializers.DateField(allow_null=True, default=None)
    # The stubs know ``many`` and not what it is given on to.
    steps = StepSerializer(many=True, max_length=STEPS)  # type: ignore[call-arg]


class NewCampaignSerializer(_CampaignBody):
    """A new campaign; `key` is its name for programs and stays."""

    key = serializers.CharField(max_length=40)


class CampaignChangeSerializer(_CampaignBody):
    """The whole of a campaign that was not started; what is absent is the default.

    Without `segment` it keeps the one it has. `version` is the one that was read: when
    a colleague has saved another one since, nothing is changed.
    """

    version = serializers.IntegerField(min_value=1, max_value=MOST_VERSIONS)


class StepReadSerializer(serializers.Serializer[Any]):
    """One step, as it is written."""

    kind = serializers.CharField()
    hours = serializers.SerializerMethodField()
    offer = serializers.CharField(source="offer.key", allow_null=True, default=None)
    surface = serializers.CharField()
    condition = serializers.CharField()

    def get_hours(self, step: CampaignStep) -> int | None:
        return step.hours or None


class CampaignSerializer(serializers.Serializer[Any]):
    """A campaign; times are in UTC, days in the time zone of the reports.

    ``segment_name`` is empty where it is for everybody, ``entered`` and ``going`` count
    organisations.
    """

    key = serializers.CharField()
    purpose = serializers.CharField()
    state = serializers.CharField()
    is_paused = serializers.BooleanField()
    segment_name = serializers.CharField()
    moment = serializers.CharField()
    goal = serializers.CharField()
    holdout_percent = serializers.IntegerField()
    starts_on = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)
    steps = StepReadSerializer(many=True, source="ordered_steps")
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    entered = serializers.IntegerField()
    going = serializers.IntegerField()


class CampaignPageSerializer(PageSerializer):
    """A page of campaigns, the newest first; ``next`` is a cursor."""

    results = CampaignSerializer(many=True)


class AudienceSerializer(serializers.Serializer[Any]):
    """Whom a campaign would be for if it began now, in organisations."""

    units = serializers.IntegerField()
    refusing = serializers.IntegerField()
    held_out = serializers.IntegerField()
    reachable = serializers.IntegerField()


class EffectSerializer(serializers.Serializer[Any]):
    """An effect with its 95 % interval, valid however often it is looked at."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ArmSerializer(serializers.Serializer[Any]):
    """One arm in organisations: ``new`` never had paid before, ``payers`` have since.

    ``profit_nano`` is π of one organisation in billionths of the reporting currency;
    null of nobody, and while no rate of the dollar is set.
    """

    units = serializers.IntegerField()
    new = serializers.IntegerField()
    payers = serializers.IntegerField()
    profit_nano = serializers.IntegerField(allow_null=True)


class LiftSerializer(serializers.Serializer[Any]):
    """Who was in the campaign against whom it kept out.

    ``alpha`` is the effect on the share of payers, ``profit`` on π of one organisation,
    in units of ``currency``; null while there are too few, and ``profit`` without a
    rate of the dollar.
    """

    treated = ArmSerializer()
    held_out = ArmSerializer()
    currency = serializers.CharField()
    alpha = EffectSerializer(allow_null=True)
    profit = EffectSerializer(allow_null=True)


class StepResultSerializer(serializers.Serializer[Any]):
    """What the decisions of one step came to; zeros of a step that offers nothing."""

    kind = serializers.CharField(source="step.kind")
    offer = serializers.CharField(
        source="step.offer.key", allow_null=True, default=None
    )
    decided = serializers.IntegerField()
    offered = serializers.IntegerField()
    held_out = serializers.IntegerField()
    seen = serializers.IntegerField()
    accepted = serializers.IntegerField()


class EndSerializer(serializers.Serializer[Any]):
    """How many organisations a campaign ended for in one way."""

    end = serializers.CharField()
    count = serializers.IntegerField()


class ResultSerializer(serializers.Serializer[Any]):
    """What came of a campaign; ``cost_nano`` is in billionths of a US dollar.

    ``lift`` is null while nobody of whom it keeps out has come to an offer, and where
    ``is_split_wrong``: the arms are not as large as they have to be, and what made them
    so may have made the result.
    """

    entered = serializers.IntegerField()
    going = serializers.IntegerField()
    exposed = serializers.IntegerField()
    accepted = serializers.IntegerField()
    cost_nano = serializers.IntegerField()
    is_split_wrong = serializers.BooleanField()
    lift = LiftSerializer(allow_null=True)
    steps = StepResultSerializer(many=True)
    ends = EndSerializer(many=True)


def form_values(campaign: Campaign, typed: dict[str, Any]) -> dict[str, Any]:
    """Return what the editor's form would have been sent for a body."""
    kept = "kept" if campaign.segment_query else ""
    values: dict[str, Any] = {
        name: typed[name] for name in typed if name not in {"steps", "segment"}
    }
    values["segment"] = typed.get("segment", kept) or ""
    for number, step in enumerate(typed["steps"], 1):
        values |= {
            f"step_{number}_kind": step["kind"],
            f"step_{number}_hours": step["hours"],
            f"step_{number}_offer": step["offer_key"],
            f"step_{number}_surface": step["surface"],
            f"step_{number}_condition": step["condition"],
        }
    return values


def errors_of(form: CampaignForm, *, steps: int) -> dict[str, Any]:
    """Return a form's errors under the names of the body."""
    errors: dict[str, Any] = {}
    # By the place in the list, as the errors of a serializer are.
    of_steps: dict[str, dict[str, list[str]]] = {}
    for name, said in form.errors.items():
        words = [str(each) for each in said]
        start, number, part = (*name.split("_", 2), "", "")[:3]
        if start != "step":
            place = "non_field_errors" if name == NON_FIELD_ERRORS else name
            errors[place] = words
        elif int(number) <= steps:
            of_steps.setdefault(str(int(number) - 1), {})[part] = words
        else:
            # Of a row that was not sent: it is about all of them.
            errors["steps"] = words
    if of_steps:
        errors["steps"] = of_steps
    return errors


def result_of(
    figures: CampaignFigures, *, currency: str, has_rate: bool
) -> dict[str, Any]:
    """Return figures as ``ResultSerializer`` writes them."""
    lift = figures.lift
    is_known = bool(lift.control.units) and not lift.is_off
    return {
        "entered": figures.entered,
        "going": figures.going,
        "exposed": figures.exposed,
        "accepted": figures.accepted,
        "cost_nano": figures.cost_nano,
        "is_split_wrong": lift.is_off,
        "lift": _lift(lift, currency, has_rate) if is_known else None,
        "steps": figures.steps,
        "ends": [{"end": end.value, "count": count} for end, count in figures.ends],
    }


def _lift(lift: Lift, currency: str, has_rate: bool) -> dict[str, Any]:
    return {
        "treated": _arm(lift.treated, has_rate),
        "held_out": _arm(lift.control, has_rate),
        "currency": currency,
        "alpha": lift.share.estimate,
        "profit": lift.profit.estimate if has_rate else None,
    }


def _arm(arm: Measured, has_rate: bool) -> dict[str, Any]:
    return {
        "units": arm.units,
        "new": arm.new,
        "payers": arm.payers,
        "profit_nano": arm.mean_profit_nano if has_rate else None,
    }
