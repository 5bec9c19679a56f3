from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.money import NANO
from inference.budgets.queries import BudgetLine

# Far beyond any plan, and far below what a bigint of billionths holds.
MOST_DOLLARS = 1_000_000


class BudgetForm(forms.Form):
    """One budget: of whom, how much, and what happens beyond it."""

    target = forms.ChoiceField(label=pgettext_lazy("budget", "Of"))
    amount = forms.DecimalField(
        label=_("A month, in US dollars"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_DOLLARS,
        decimal_places=2,
        help_text=_("Empty: no budget."),
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    effect = forms.ChoiceField(
        label=_("When it is used up"),
        choices=[
            ("hard", _("Refuse further calls")),
            ("soft", _("Only tell")),
        ],
        widget=forms.RadioSelect,
        help_text=_("Either way it is told at 50, 80 and 100 %."),
    )

    def __init__(
        self, *args: Any, targets: Sequence[BudgetLine], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [
            (line.target, f"{line.label}: {line.name}") for line in targets
        ]

    def values(self) -> dict[str, Any]:
        """Return the form as ``services.set_budget`` takes it."""
        amount: Decimal | None = self.cleaned_data["amount"]
        return {
            "target": self.cleaned_data["target"],
            "limit_nano": None if amount is None else int(amount * NANO),
            "is_hard": self.cleaned_data["effect"] == "hard",
        }


def shown_budget(line: BudgetLine) -> dict[str, Any]:
    """Return a budget as its form shows it."""
    limit = line.limit_nano
    return {
        "target": line.target,
        "amount": None if limit is None else Decimal(limit) / NANO,
        "effect": "hard" if line.is_hard else "soft",
    }
