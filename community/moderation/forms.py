"""What people fill in: a report, an appeal, a sanction, an act on many."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.forum.cleaning import clean_title
from community.forum.models import Category
from community.forum.tagging import MAX_NAME
from community.moderation.models import Act, Case, Flag
from community.standing.models import Level, Sanction
from edge.fields import TextField

# As long as the columns that keep them.
MAX_NOTE = 500
MAX_REASON = 300  # as above
# A page; what needs more is a letter.
MAX_APPEAL = 5_000
# Days a moderator chooses from: Discourse's, without its years.
DAYS = (1, 3, 7, 14, 30, 90)
TOPIC_ACTS = ("lock", "unlock", "move", "tag", "hide", "restore")


class FlagForm(forms.Form):
    """Why a text is reported."""

    reason = forms.ChoiceField(
        label=_("What is wrong with it?"),
        choices=Flag.Reason.choices,
        widget=forms.RadioSelect,
    )
    note = TextField(
        label=_("What should a moderator know?"),
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for a word where none of the reasons says it."""
        values = super().clean() or self.cleaned_data
        if values.get("reason") == Flag.Reason.OTHER and not values.get("note"):
            self.add_error("note", _("Say in a few words what is wrong."))
        return values


class AppealForm(forms.Form):
    """Why what was imposed is wrong."""

    text = TextField(
        label=_("Why should a moderator look at it again?"),
        max_length=MAX_APPEAL,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class SanctionForm(forms.Form):
    """What is imposed on a person, for how long and why."""

    kind = forms.ChoiceField(
        label=_("What is taken from them?"),
        choices=[
            (Sanction.Kind.SILENCE, _("Writing: they read and vote")),
            (Sanction.Kind.SUSPENSION, _("Taking part at all: they only read")),
        ],
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        label=_("For how many days?"),
        choices=[*((days, str(days)) for days in DAYS), ("", _("Until it is lifted"))],
        coerce=int,
        empty_value=None,
        required=False,
    )
    reason = TextField(
        label=_("Why? The person reads it."),
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    @property
    def until(self) -> datetime | None:
        """When it ends; ``None`` until it is lifted."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None


class LevelForm(forms.Form):
    """The level staff choose for a person."""

    level = forms.TypedChoiceField(label=_("Level"), choices=Level.choices, coerce=int)
    is_locked = forms.BooleanField(
        label=_("Keep it, whatever is measured"), required=False
    )


class TopicActForm(forms.Form):
    """One act on the topics that were ticked."""

    act = forms.ChoiceField(
        choices=[each for each in Act.Kind.choices if each[0] in TOPIC_ACTS]
    )
    category = forms.ModelChoiceField(
        label=_("Category"),
        queryset=Category.objects.all(),
        required=False,
        empty_label=None,
    )
    tag = forms.CharField(label=_("Tag"), required=False, max_length=MAX_NAME)
    reason = forms.CharField(
        label=_("Why? It is on record, and of a hidden topic its author reads it."),
        required=False,
        max_length=MAX_REASON,
    )

    def clean_tag(self) -> str:
        """Return the tag on one line, without what nobody sees."""
        return clean_title(self.cleaned_data["tag"]).lstrip("#＃")

    def clean(self) -> dict[str, Any]:
        """Ask for what the act needs."""
        values = super().clean() or self.cleaned_data
        act = values.get("act")
        if act == Act.Kind.TAG and not values.get("tag"):
            self.add_error("tag", _("Type the tag that the topics are given."))
        if act == Act.Kind.MOVE and not values.get("category"):
            self.add_error("category", _("Choose the category they are moved to."))
        if act == Act.Kind.HIDE and not values.get("reason"):
            self.add_error("reason", _("Say why: the author reads it."))
        return values

    @property
    def value(self) -> str:
        """What the act needs to know beside the topics."""
        if self.cleaned_data["act"] == Act.Kind.MOVE:
            return str(self.cleaned_data["category"].slug)
        is_tag = self.cleaned_data["act"] == Act.Kind.TAG
        return str(self.cleaned_data["tag"]) if is_tag else ""


class CaseActForm(forms.Form):
    """One decision on the cases that were ticked."""

    act = forms.ChoiceField(choices=[*Case.Outcome.choices, ("claim", "")])
    note = forms.CharField(
        label=_("Note to the people it is about"), required=False, max_length=MAX_REASON
    )
