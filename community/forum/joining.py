"""The forms of moderators who join topics or split them."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.forms import checked_title
from community.forum.models import Category, Topic
from core.reading import MOST_DIGITS

# An address of ours, or the number in it.
_NAMED = re.compile(
    rf"^(?:\S*/forum/t/)?#?([0-9]{{1,{MOST_DIGITS}}})(?:-\S*)?/?(?:\?\S*)?$"
)


class JoinForm(forms.Form):
    """Which topic another one becomes part of."""

    into = forms.CharField(
        label=_("Address or number of the topic it belongs to"),
        max_length=500,
        help_text=_("Such as /forum/t/42-how-do-i-begin/ or 42."),
    )

    def __init__(self, *args: Any, user: User, topic: Topic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.topic = user, topic

    def clean_into(self) -> Topic:
        """Return the topic that was named."""
        found = _NAMED.match(self.cleaned_data["into"].strip())
        topic = None
        if found:
            visible = Topic.objects.visible_to(self.user).select_related("category")
            topic = visible.filter(pk=int(found[1]), hidden_at=None).first()
        if topic is None:
            raise forms.ValidationError(_("There is no topic at this address."))
        if topic.pk == self.topic.pk:
            raise forms.ValidationError(_("That is the topic itself."))
        return topic


class SplitForm(forms.Form):
    """Which replies become a topic of their own, and what it is called."""

    numbers = forms.TypedMultipleChoiceField(
        label=_("Replies"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one reply.")},
    )
    title = forms.CharField(label=_("Title"), max_length=200)
    category = forms.ModelChoiceField(
        label=_("Category"), queryset=Category.objects.all(), empty_label=None
    )
    kind = forms.ChoiceField(label=_("What is it?"), choices=Topic.Kind.choices)

    def __init__(
        self, *args: Any, choices: list[tuple[int, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["numbers"]
        if isinstance(field, forms.TypedMultipleChoiceField):
            field.choices = choices

    def clean_title(self) -> str:
        """Return the title without what nobody sees."""
        return checked_title(self.cleaned_data["title"])
