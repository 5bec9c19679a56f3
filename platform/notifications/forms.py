from typing import Any

from django import forms

from accounts.models import User
from notifications import services
from notifications.models import Kind


class PreferencesForm(forms.Form):
    """One switch per kind of message that may be turned off."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        for kind in Kind:
            if kind not in services.ALWAYS_BY_EMAIL:
                self.fields[kind.value] = forms.BooleanField(
                    label=kind.label,
                    required=False,
                    initial=services.wants_email(user, kind.value),
                )

    def save(self) -> None:
        """Keep every switch as it stands."""
        for kind, by_email in self.cleaned_data.items():
            services.set_preference(self.user, kind, by_email=by_email)
