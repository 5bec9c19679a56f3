import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import OrganisationField
from core.money import format_bps
from entitlements.own_prices import WHOLE

# As models are named; billing does not know which there are.
_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9_.:/@-]{1,120}?)\s*[:：=\s]\s*(?P<rest>[0-9.]+%?)"
)
# More models than a page of prices would be read for.
MOST_MODELS = 100
# As long as an entry of the audit log is read.
MOST_OF_A_REASON = 200


class RevokeForm(forms.Form):
    """Why a list ends."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_OF_A_REASON,
        help_text=_("It is kept in the audit log."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )


class PriceListForm(forms.Form):
    """What an organisation is to pay less for models."""

    organisation = OrganisationField()
    discount = forms.DecimalField(
        label=_("Per cent less on every model"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    models = forms.CharField(
        label=_("Models with another discount, one a line"),
        required=False,
        max_length=8_000,
        widget=forms.Textarea(
            attrs={"class": "input mono", "rows": 4, "spellcheck": "false"}
        ),
        help_text=_(
            "A model and its per cent, as large: 25. It counts in the place of the one"
            " above, also where it is less; 0 is everybody's price."
        ),
    )
    begins_on = forms.DateField(
        label=_("Begins on"),
        required=False,
        help_text=_("At midnight (UTC). Empty: at once."),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
        ),
    )
    ends_on = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Empty: until somebody ends it."),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_OF_A_REASON,
        help_text=_("It is kept in the audit log."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )

    def clean_models(self) -> dict[str, int]:
        lines = self.cleaned_data["models"].splitlines()
        found = dict(_read(list(filter(None, map(str.strip, lines)))))
        if len(found) > MOST_MODELS:
            raise forms.ValidationError(
                _("At most %(count)s models."), params={"count": MOST_MODELS}
            )
        return found

    def clean_begins_on(self) -> date | None:
        day: date | None = self.cleaned_data["begins_on"]
        if day is not None and day < timezone.now().astimezone(UTC).date():
            # What was used keeps its price.
            raise forms.ValidationError(_("Choose today or a later day."))
        return day

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        begins = values.get("begins_on") or timezone.now().astimezone(UTC).date()
        ends = values.get("ends_on")
        if ends is not None and ends < begins:
            self.add_error("ends_on", _("Not before it begins."))
        if (
            not self.errors
            and not values["discount"]
            and not any(values["models"].values())
        ):
            self.add_error("discount", _("Take something off, here or of a model."))
        return values

    def values(self) -> dict[str, Any]:
        """Return the valid form as ``services.create_list`` takes it."""
        data = self.cleaned_data
        today = timezone.now().astimezone(UTC).date()
        begins, ends = data["begins_on"], data["ends_on"]
        return {
            "discount_bps": int(data["discount"] * 100),
            "models": data["models"],
            "reason": data["reason"],
            "begins_at": _midnight(begins) if begins and begins > today else None,
            "ends_at": _midnight(ends + timedelta(days=1)) if ends else None,
        }


def shown_models(models: dict[str, int]) -> list[tuple[str, str]]:
    """Return models and their per cent, by name."""
    return [(name, format_bps(bps)) for name, bps in sorted(models.items())]


def _read(lines: list[str]) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        bps = _bps(match["rest"]) if match else None
        if match is None or bps is None:
            problem = gettext(
                "give a model and a per cent from 0 to 100, as large: 25."
            )
        elif match["name"] in seen:
            problem = gettext("this model is there twice.")
        else:
            seen.add(match["name"])
            yield match["name"], bps
            continue
        raise forms.ValidationError(
            _("Line %(number)s, “%(line)s”: %(problem)s"),
            params={"number": number, "line": line, "problem": problem},
        )


def _bps(text: str) -> int | None:
    """Return a per cent in hundredths; None for what is none."""
    try:
        hundredths = Decimal(text.removesuffix("%")) * 100
    except InvalidOperation:
        return None
    if not hundredths.is_finite() or hundredths != int(hundredths):
        return None
    return int(hundredths) if 0 <= hundredths <= WHOLE else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
