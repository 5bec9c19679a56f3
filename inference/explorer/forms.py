from django import forms
from django.utils.translation import gettext_lazy as _


class AskForm(forms.Form):
    """What of a call may stand in the forum, said by whose it is."""

    message = forms.CharField(
        label=_("The error message you got"),
        required=False,
        max_length=2_000,
        help_text=_("Keys, addresses and names of servers in it are taken out."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    agrees = forms.BooleanField(
        label=_("Put the facts above and this message into the draft of a topic"),
        error_messages={"required": _("Nothing is shared without your consent.")},
    )
