from typing import Any

from django import forms

from inference.retention.models import MOST_DAYS


def days_field(label: Any, help_text: Any) -> forms.IntegerField:
    """Return the field for how many days something is kept."""
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
