from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class ClosingForm(forms.Form):
    """Closing an account: its person writes their own user name first."""

    username = forms.CharField(
        label=_("Your username, to be sure"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_username(self) -> str:
        """Refuse any name but their own; capitals do not matter, nor does an “@”."""
        username: str = self.cleaned_data["username"]
        if username.removeprefix("@").lower() != self.expected.lower():
            raise forms.ValidationError(
                gettext("Your username is %(name)s.") % {"name": self.expected}
            )
        return username
