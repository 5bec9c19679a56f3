"""What staff write about a campaign: whom it is for, and its steps in their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.models import SavedReport
from billing.growth.forms import VersionedForm
from billing.growth.models import Campaign, CampaignStep, Offer
from billing.growth.moments import CHOOSING
from billing.growth.surfaces import Surface
from edge.fields import FreeUnder, TextField, validate_readable

# Three offers with a wait and a condition between them: more is a nuisance.
STEPS = 8
# A quarter; who has not come back by then is another campaign's.
LONGEST_WAIT = 24 * 90
Kind = CampaignStep.Kind
# What each kind of step has to say, and nothing else.
PARTS = {Kind.WAIT: "hours", Kind.OFFER: "offer", Kind.CONDITION: "condition"}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step as the page draws it: its number and its fields."""

    number: int
    fields: tuple[forms.BoundField, ...]
    errors: tuple[str, ...] = ()


class CampaignForm(VersionedForm, forms.ModelForm[Campaign]):
    """A campaign that was not started yet; empty rows of its steps are passed over."""

    segment = forms.ChoiceField(
        label=_("Segment"),
        required=False,
        help_text=_(
            "As it is now. A later change of the segment does not change the campaign."
        ),
    )

    class Meta:
        model = Campaign
        fields = (
            *("key", "purpose", "segment", "moment", "goal", "holdout_percent"),
            *("starts_on", "ends_on"),
        )
        field_classes = {"purpose": TextField}
        widgets = {
            "purpose": forms.Textarea(attrs={"rows": 3}),
            "starts_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            "ends_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        }
        help_texts = {
            "moment": _("With a segment as well: only whom it occurs to within it."),
            "holdout_percent": _(
                "Without anybody to compare with nobody knows what it did: 5 to 50."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        campaign = self.instance
        self.fields["version"].initial = campaign.version
        # Decisions of the past speak of it by this name, and the holdout is its hash.
        self.fields["key"].disabled = campaign.pk is not None
        self.fields["purpose"].validators.append(validate_readable)
        self.fields["key"].validators.append(FreeUnder("staff/offers/campaigns/"))
        moment = self.fields["moment"]
        assert isinstance(moment, forms.ChoiceField)  # noqa: S101 - of the model
        moment.choices = [
            ("", _("none: who is in the segment")),
            *((each.value, each.label) for each in CHOOSING),
        ]
        self._offer_segments()
        steps = list(campaign.steps.order_by("rank")) if campaign.pk else []
        for number in range(1, STEPS + 1):
            step = steps[number - 1] if number <= len(steps) else None
            self._add_step(number, step)

    def _offer_segments(self) -> None:
        saved = SavedReport.objects.filter(kind=SavedReport.Kind.SEGMENT)
        self.segments = {one.public_id: one for one in saved.order_by("name")}
        choices: list[tuple[str, str | Promise]] = [("", _("none: everybody"))]
        if self.instance.segment_query:
            # The one it was made with, which may have been changed or deleted since.
            choices.append(("kept", self.instance.segment_name))
        choices += [(one.public_id, one.name) for one in self.segments.values()]
        field = self.fields["segment"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = choices
        if self.instance.segment_query:
            field.initial = "kept"

    def _add_step(self, number: int, step: CampaignStep | None) -> None:
        start = f"step_{number}_"
        self.fields[f"{start}kind"] = forms.ChoiceField(
            label=_("Step"),
            choices=[("", "–"), *Kind.choices],
            required=False,
            initial=step.kind if step else "",
        )
        self.fields[f"{start}hours"] = forms.IntegerField(
            label=_("Wait, in hours"),
            min_value=1,
            max_value=LONGEST_WAIT,
            required=False,
            initial=step.hours or None if step else None,
        )
        self.fields[f"{start}offer"] = forms.ModelChoiceField(
            label=_("Offer"),
            queryset=Offer.objects.exclude(state=Offer.State.RETIRED).order_by("key"),
            to_field_name="key",
            required=False,
            initial=step.offer.key if step and step.offer else None,
        )
        self.fields[f"{start}surface"] = forms.ChoiceField(
            label=_("Shown at"),
            choices=[("", _("all places of the offer")), *Surface.choices],
            required=False,
            initial=step.surface if step else "",
        )
        self.fields[f"{start}condition"] = forms.ChoiceField(
            label=_("Go on only if"),
            choices=[("", "–"), *CampaignStep.Condition.choices],
            required=False,
            initial=step.condition if step else "",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("segment") and not cleaned.get("moment"):
            self.add_error("segment", _("Choose a segment, a moment, or both."))
        first, last = cleaned.get("starts_on"), cleaned.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("The last day is not before the first."))
        for number in range(1, STEPS + 1):
            self._check_step(number, cleaned)
        chosen = [cleaned.get(f"step_{n}_kind") for n in range(1, STEPS + 1)]
        if Kind.OFFER not in chosen:
            self.add_error(
                "step_1_kind", _("A campaign offers something: add an offer.")
            )
        return cleaned

    def _check_step(self, number: int, cleaned: dict[str, Any]) -> None:
        start = f"step_{number}_"
        kind = cleaned.get(f"{start}kind")
        said = {part for part in PARTS.values() if cleaned.get(start + part)}
        if not kind:
            if said:
                self.add_error(f"{start}kind", _("Say which kind of step this is."))
            return
        needed = PARTS[Kind(kind)]
        name = start + needed
        if needed not in said and name not in self.errors:
            self.add_error(name, _("This step needs it."))
        offer, surface = cleaned.get(f"{start}offer"), cleaned.get(f"{start}surface")
        if kind == Kind.OFFER and offer and surface and surface not in offer.surfaces:
            self.add_error(
                f"{start}surface", _("This offer is not shown there: change it first.")
            )

    def save(self, commit: bool = True) -> Campaign:
        """Return the campaign with its segment's words; ``editing`` writes it."""
        campaign = super().save(commit=False)
        chosen = self.cleaned_data["segment"]
        if chosen != "kept":
            report = self.segments.get(chosen)
            campaign.segment_name = report.name if report else ""
            campaign.segment_query = report.query if report else ""
        return campaign

    def steps(self) -> list[CampaignStep]:
        """Return the steps that were typed, in their order; what is empty closes up."""
        typed = self.cleaned_data
        return [
            CampaignStep(
                kind=kind,
                hours=typed[f"step_{n}_hours"] if kind == Kind.WAIT else 0,
                offer=typed[f"step_{n}_offer"] if kind == Kind.OFFER else None,
                surface=typed[f"step_{n}_surface"] if kind == Kind.OFFER else "",
                condition=typed[f"step_{n}_condition"]
                if kind == Kind.CONDITION
                else "",
            )
            for n in range(1, STEPS + 1)
            if (kind := typed[f"step_{n}_kind"])
        ]

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """The fields beside the steps."""
        return [field for field in self if not field.name.startswith("step_")]

    @property
    def step_rows(self) -> Iterator[StepRow]:
        """The fields of each step."""
        for number in range(1, STEPS + 1):
            names = ("kind", "hours", "offer", "surface", "condition")
            yield StepRow(
                number, tuple(self[f"step_{number}_{name}"] for name in names)
            )
