from typing import Any

from django import forms

from accounts.models import User
from notifications import services
from notifications.models import ALWAYS_BY_EMAIL, Kind


class PreferencesForm(forms.Form):
    """One switch per kind of message that may be turned off."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        choices = services.email_choices(user)
        for kind in Kind:
            if kind not in ALWAYS_BY_EMAIL and kind in choices:
                self.fields[kind.value] = forms.BooleanField(
                    label=kind.label, required=False, initial=choices[kind.value]
                )

    def save(self) -> None:
        """Keep every switch as it stands."""
        services.set_preferences(self.user, self.cleaned_data)
