from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inference.keys.models import ApiKey

# As long as the largest contexts there are, and some: a larger prompt says no more.
MOST_TOKENS = 4_000_000


class ReasonForm(forms.Form):
    """Why something is done by hand; who looks at the log later reads it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("Colleagues read it, here and in the audit log."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )


def _tokens(label: Any, *, initial: int, least: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=MOST_TOKENS,
        initial=initial,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )


class RouteForm(forms.Form):
    """A request that is not sent: who would ask what of which model."""

    model = forms.CharField(
        label=_("Model"),
        max_length=120,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    key = forms.CharField(
        label=_("API key"),
        max_length=60,
        help_text=_("Its id (key_…) or how it begins, as on the page of a request."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    prompt = _tokens(_("Tokens of the prompt"), initial=1_000, least=1)
    answer = forms.IntegerField(
        label=_("Longest answer in tokens"),
        required=False,
        min_value=1,
        max_value=MOST_TOKENS,
        help_text=_("Empty: the request names none."),
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
    stream = forms.BooleanField(label=_("As a stream"), required=False)
    tools = forms.BooleanField(label=_("With tools"), required=False)
    images = forms.BooleanField(label=_("With a picture"), required=False)
    json = forms.BooleanField(label=_("Answer by a JSON schema"), required=False)

    def clean_key(self) -> ApiKey:
        """Find the key by its id or, where only one begins so, by its beginning."""
        said = self.cleaned_data["key"].removesuffix("…")
        keys = ApiKey.objects.select_related("organisation")
        # A whole secret is no way to name a key: it would stand in the address.
        found = list(keys.filter(Q(public_id=said) | Q(prefix=said))[:2])
        if not found:
            raise forms.ValidationError(_("There is no such API key."))
        if len(found) > 1:
            raise forms.ValidationError(
                _("Several API keys begin like this: use the id.")
            )
        return found[0]
