from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import OrganisationField
from accounts.models import Organisation
from billing.credits.forms import ReasonField
from billing.plans.defaults import TRANSLATED
from billing.plans.models import PlanVersion, Price
from billing.plans.queries import Offer
from billing.subscriptions.models import Cancellation
from edge.fields import LastDayField

# As large as a column of seats; the plan says how many it has.
MOST_SEATS = 2_147_483_647


class PlanField(forms.ModelChoiceField[PlanVersion]):
    """A plan as it is offered today, by its name in the reader's language."""

    def label_from_instance(self, obj: PlanVersion) -> str:
        return str(TRANSLATED.get(obj.plan.name, obj.plan.name))


class ChangeForm(forms.Form):
    """What a plan shall become."""

    plan = forms.ChoiceField(label=_("Plan"))
    interval = forms.ChoiceField(
        label=_("Billing period"), choices=Price.Interval.choices
    )
    seats = forms.IntegerField(label=_("Seats"), min_value=1, required=False)
    code = forms.CharField(label=_("Promotion code"), max_length=80, required=False)

    def __init__(self, *args: Any, plans: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = plans  # type: ignore[attr-defined]
        self.fields["code"].widget.attrs |= {"autocomplete": "off"}


class CancelForm(forms.Form):
    """Why a plan shall end; the comment is for buyers who want to say more."""

    reason = forms.ChoiceField(
        label=_("Why do you leave?"),
        choices=Cancellation.Reason.choices,
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(
        label=_("Anything you want to tell us"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class OrderForm(forms.Form):
    """What is ordered: for whom, how often it is paid and for how many."""

    org = forms.ChoiceField(label=_("Organisation"))
    interval = forms.ChoiceField(
        label=_("Billing period"), choices=Price.Interval.choices
    )
    seats = forms.IntegerField(label=_("Seats"), min_value=1)

    def __init__(
        self, *args: Any, offer: Offer, organisations: list[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offer = offer
        self.organisations = {org.slug: org for org in organisations}
        self.fields["org"].choices = [  # type: ignore[attr-defined]
            (org.slug, org.name) for org in organisations
        ]
        self.fields["interval"].choices = [  # type: ignore[attr-defined]
            (value, label)
            for value, label in Price.Interval.choices
            if value in offer.prices
        ]
        seats = self.fields["seats"]
        seats.min_value = offer.version.seat_min  # type: ignore[attr-defined]
        seats.widget.attrs |= {
            "min": offer.version.seat_min,
            "max": offer.version.seat_max,
        }

    def clean_seats(self) -> int:
        """Refuse what the plan is not sold for, in words that say what it is."""
        seats: int = self.cleaned_data["seats"]
        low, high = self.offer.version.seat_min, self.offer.version.seat_max
        if not low <= seats <= high:
            raise forms.ValidationError(
                _("This plan is for %(low)s to %(high)s seats."),
                params={"low": low, "high": high},
            )
        return seats

    @property
    def organisation(self) -> Organisation:
        return self.organisations[self.cleaned_data["org"]]

    @property
    def price(self) -> Price:
        return self.offer.prices[self.cleaned_data["interval"]]


class GivingForm(forms.Form):
    """A plan that staff give without payment."""

    organisation = OrganisationField()
    version = PlanField(
        label=_("Plan"), queryset=PlanVersion.objects.none(), empty_label=None
    )
    seats = forms.IntegerField(
        label=_("Seats"), min_value=1, max_value=MOST_SEATS, initial=1
    )
    ends_on = LastDayField(
        label=_("Last day"), help_text=_("Empty: until it is taken back.")
    )
    reason = ReasonField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan = self.fields["version"]
        assert isinstance(plan, PlanField)  # noqa: S101 - declared above
        given = PlanVersion.objects.on_offer().select_related("plan")
        plan.queryset = given.exclude(collection=PlanVersion.Collection.FREE).order_by(
            "plan__tier_rank"
        )

    def clean(self) -> None:
        version, seats = (self.cleaned_data.get(name) for name in ("version", "seats"))
        if version and seats and version.fitting_seats(seats) != seats:
            self.add_error(
                "seats",
                _("This plan has %(least)d to %(most)d seats.")
                % {"least": version.seat_min, "most": version.seat_max},
            )

    def values(self) -> dict[str, Any]:
        """Return the form as ``granting.give_plan`` takes it."""
        said = ("organisation", "version", "seats", "reason")
        return {
            **{name: self.cleaned_data[name] for name in said},
            "ends_at": self.cleaned_data["ends_on"],
        }


class TakeBackForm(forms.Form):
    """Why a given plan ends before its time."""

    reason = ReasonField()
