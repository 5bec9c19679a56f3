from typing import Any

from django import forms
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from community.conversations.models import MOST_PEOPLE, MessagePreference
from community.forum.cleaning import clean_title, count_visible
from community.forum.forms import TextForm
from edge.fields import TextField

# A long letter. What needs more is a topic, where others profit from it.
MAX_TEXT = 10_000
# A paragraph; the message itself comes with it.
MAX_REASON = 500
# Nine names and what stands between them.
MAX_NAMES = 500


class MessageForm(TextForm):
    """A message in a conversation."""

    text = TextField(
        label=_("Your message"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class ConversationForm(TextForm):
    """A new conversation: to whom, about what, and its first message."""

    people = forms.CharField(
        label=pgettext_lazy("mail", "To"),
        max_length=MAX_NAMES,
        help_text=_("User names, parted by commas: nine at most."),
    )
    title = forms.CharField(label=_("About"), max_length=120)
    text = TextField(
        label=_("Your message"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    field_order = ("people", "title", "text")

    def __init__(self, *args: Any, sender: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sender = sender

    def clean_people(self) -> list[User]:
        """Return the people who were named."""
        return people_named(self.cleaned_data["people"], sender=self.sender)

    def clean_title(self) -> str:
        """Return the title on one line."""
        return checked_about(self.cleaned_data["title"])


class MessagePreferenceForm(forms.Form):
    """Who may begin to write to one."""

    messages_from = forms.ChoiceField(
        label=_("Who may begin to write to you"),
        choices=MessagePreference.From.choices,
        help_text=_("Conversations that have begun go on."),
    )


def checked_about(title: str) -> str:
    """Return a title on one line. Raises ``ValidationError`` when nothing shows."""
    title = clean_title(title)
    if not count_visible(title):
        raise forms.ValidationError(_("Write what it is about."))
    return title


def people_named(typed: str, *, sender: User) -> list[User]:
    """Return the people of a list of user names. Raises ``ValidationError``."""
    words = typed.replace("，", ",").replace("、", ",").split(",")
    names = dict.fromkeys(word.strip().lstrip("@").lower() for word in words)
    names.pop("", None)
    if len(names) >= MOST_PEOPLE:
        raise forms.ValidationError(_("Nine people are the most."))
    if sender.username.lower() in names:
        raise forms.ValidationError(_("You need not name yourself."))
    people = _found(list(names))
    missing = [name for name in names if name not in people]
    if missing:
        raise forms.ValidationError(
            _("Nobody is called “%(name)s” here."), params={"name": missing[0]}
        )
    if not people:
        raise forms.ValidationError(_("Name somebody to write to."))
    return [people[name] for name in names]


def _found(names: list[str]) -> dict[str, User]:
    people = User.objects.annotate(lower=Lower("username"))
    found = people.filter(lower__in=names, is_active=True)
    return {person.username.lower(): person for person in found}
