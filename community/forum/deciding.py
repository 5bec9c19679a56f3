"""The form in which staff say what becomes of an idea."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from community.forum.cleaning import clean_text
from community.forum.exceptions import WordMissing
from community.forum.models import MAX_WORD, Topic
from edge.fields import TextField


class IdeaForm(forms.Form):
    """The state of an idea, and a word with it."""

    state = forms.ChoiceField(
        label=_("What becomes of it?"),
        choices=Topic.IdeaState.choices,
        widget=forms.RadioSelect,
    )
    word = TextField(
        label=_("A word to those who wish for it"),
        max_length=MAX_WORD,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Who opened it and who follows it are told. “Declined” needs one."),
    )

    def clean_word(self) -> str:
        """Return the word without what nobody sees."""
        return clean_text(self.cleaned_data["word"])

    def clean(self) -> dict[str, Any]:
        """Ask for a word where the idea is declined."""
        values = super().clean() or {}
        declined = values.get("state") == Topic.IdeaState.DECLINED
        if declined and not values.get("word") and "word" not in self.errors:
            self.add_error("word", str(WordMissing()))
        return values
