from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, Organisation, User
from accounts.validators import SaysEnough
from edge.fields import NameField, TextField

# In letters; one alone is a slip of the finger.
LEAST_TEAM = 2


class OrganisationField(forms.SlugField):
    """An organisation, typed by staff as addresses name it; cleaned, it is the row."""

    def __init__(self, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            "label": _("Organisation"),
            # As long as its column.
            "max_length": 60,
            "help_text": _("Its name in addresses, such as acme in /console/acme/."),
            "widget": forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        }
        super().__init__(**defaults | kwargs)

    def clean(self, value: Any) -> Organisation | None:
        """Return the organisation; none where the field may be left empty."""
        slug = super().clean(value)
        if not slug:
            return None
        found = Organisation.objects.filter(slug=slug).first()
        if found is None:
            raise forms.ValidationError(_("There is no such organisation."))
        return found


class ProfileForm(forms.ModelForm[User]):
    """What others see of a user, and how the product speaks to them."""

    locale = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As the browser asks")), *settings.LANGUAGES],
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    theme = forms.ChoiceField(
        label=_("Theme"), required=False, choices=User.Theme.choices
    )
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")

    class Meta:
        model = User
        fields = ("display_name", "bio", "website", "locale", "time_zone", "theme")
        widgets = {"bio": forms.Textarea(attrs={"rows": 4})}
        field_classes = {"display_name": NameField, "bio": TextField}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["time_zone"]
        if isinstance(field, forms.ChoiceField):
            zones = [(name, name) for name in sorted(available_timezones())]
            field.choices = [("", _("As the browser says")), *zones]


class OrganisationForm(forms.ModelForm[Organisation]):
    """A team's name and where its bills go."""

    class Meta:
        model = Organisation
        fields = ("name", "billing_email", "country")
        field_classes = {"name": NameField}


class TeamForm(forms.Form):
    """A new team."""

    name = NameField(
        label=_("Name of the team"), max_length=80, validators=[SaysEnough(LEAST_TEAM)]
    )


class InvitationForm(forms.Form):
    """A person to invite."""

    email = forms.EmailField(label=_("E-mail address"))
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Membership.Role.choices,
        initial=Membership.Role.MEMBER,
    )


class TokenForm(forms.Form):
    """A personal access token for the REST API."""

    name = forms.CharField(label=_("Name"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("permission", "May"),
        choices=[
            ("read", _("Read what I can read")),
            ("forum:write", _("Write in the forum")),
            ("messages", _("Read and write my messages")),
            ("keys:write", _("Manage API keys")),
            ("referrals:write", _("Make my link for inviting others")),
            ("campaigns:write", _("Write and run campaigns, as staff")),
        ],
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
    )
