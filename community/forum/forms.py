import uuid
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.cleaning import clean_text, clean_title, count_visible
from community.forum.exceptions import TokenReused
from community.forum.models import Category, Topic
from community.forum.tagging import MAX_NAME, tag_names
from core.errors import DomainError
from core.names import measure
from edge.fields import TextField

# Discourse's 32 000 and some; a longer answer is a page of documentation.
MAX_TEXT = 40_000
# Stack Overflow's; what needs more is an answer.
MAX_COMMENT = 600
# In letters; a Chinese character says as much as two.
MIN_TITLE = 8


def new_token() -> str:
    """Return what makes two clicks on one form one post."""
    return uuid.uuid4().hex


def checked_title(title: str) -> str:
    """Return a title cleaned. Raises ``ValidationError`` when too little is left."""
    title = clean_title(title)
    if measure(title) < MIN_TITLE - title.count(" "):
        raise forms.ValidationError(_("Write a title that says what it is about."))
    return title


def checked_text(text: str) -> str:
    """Return a text cleaned. Raises ``ValidationError`` when nothing shows of it."""
    text = clean_text(text)
    if not count_visible(text):
        raise forms.ValidationError(_("There is nothing to read in this text."))
    return text


def checked_tags(typed: str) -> list[str]:
    """Return the tags of what was typed. Raises ``ValidationError`` beyond five."""
    text = typed.replace("，", ",").replace("、", ",")
    # ``#python`` is a habit; ``c#`` is a name.
    words = [clean_title(name).lstrip("#＃") for name in text.split(",")]
    names = tag_names(words)
    if len(names) > 5:
        raise forms.ValidationError(_("Five tags are enough."))
    for word in words:
        if len(word) > MAX_NAME:
            raise forms.ValidationError(
                _("“%(tag)s” has %(count)d characters; a tag has at most %(most)d."),
                params={"tag": word, "count": len(word), "most": MAX_NAME},
            )
    return names


class TextForm(forms.Form):
    """A text in Markdown, and the token of the form it was typed into."""

    text = TextField(
        label=_("Text"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    client_token = forms.CharField(
        max_length=64, required=False, widget=forms.HiddenInput, initial=new_token
    )

    def clean_text(self) -> str:
        """Return the text without what nobody sees."""
        return checked_text(self.cleaned_data["text"])

    def refuse(self, error: DomainError) -> None:
        """Say why nothing was posted; a used token is replaced by a fresh one."""
        self.add_error(None, str(error))
        if isinstance(error, TokenReused):
            # What was sent may not be changed, so it is copied.
            data = QueryDict(mutable=True)
            data.update(self.data)
            data["client_token"] = new_token()
            self.data = data


class ReplyForm(TextForm):
    """A reply, or an answer to a question."""

    text = TextField(
        label=_("Your reply"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def quote(self, text: str) -> None:
        """Begin with a quotation, or add it to what was typed before."""
        self.initial["text"] = text
        self.added = {"text": text}
        # The page opens at the field, its keyboard in it, before a script has come.
        self.fields["text"].widget.attrs["autofocus"] = True


class CommentForm(TextForm):
    """A comment under a post."""

    # A topic's page has a form for replies, too: each says what it takes.
    text = None  # type: ignore[assignment]
    comment = TextField(
        label=_("Your comment"),
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_comment(self) -> str:
        """Return the comment without what nobody sees."""
        return checked_text(self.cleaned_data["comment"])


class TopicForm(TextForm):
    """A new topic."""

    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=Topic.Kind.choices,
        widget=forms.RadioSelect,
        initial=Topic.Kind.QUESTION,
    )
    category = forms.ModelChoiceField(
        label=_("Category"), queryset=Category.objects.none()
    )
    title = forms.CharField(
        label=_("Title"),
        max_length=200,
        help_text=_("One sentence that says what you want to know."),
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=200,
        help_text=_("Up to five words, separated by commas."),
    )
    field_order = ("kind", "title", "category", "text", "tags")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["category"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Category.objects.open_to(user)
            field.empty_label = None

    def clean_title(self) -> str:
        """Return the title without what nobody sees."""
        return checked_title(self.cleaned_data["title"])

    def clean_tags(self) -> list[str]:
        """Return the tags, at most five."""
        return checked_tags(self.cleaned_data["tags"])


class EditForm(forms.Form):
    """A change to a post; a first post's title too."""

    title = forms.CharField(label=_("Title"), max_length=200)
    text = TextField(
        label=_("Text"), max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 12})
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=200,
        help_text=_("Up to five words, separated by commas."),
    )
    reason = forms.CharField(
        label=_("Reason for the change"), max_length=200, required=False
    )
    base = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_opening: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_opening:
            del self.fields["title"], self.fields["tags"]

    def clean_title(self) -> str:
        """Return the title without what nobody sees."""
        return checked_title(self.cleaned_data["title"])

    def clean_text(self) -> str:
        """Return the text without what nobody sees."""
        return checked_text(self.cleaned_data["text"])

    def clean_tags(self) -> list[str]:
        """Return the tags, at most five."""
        return checked_tags(self.cleaned_data["tags"])
