import uuid
from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.cleaning import clean_text, clean_title, count_visible
from community.forum.exceptions import TokenReused
from community.forum.models import Category, Topic
from community.forum.permissions import can_announce, kinds_open_to
from community.forum.polling import PollFields
from community.forum.queries import template_for
from community.forum.tagging import MAX_NAME, SEPARATORS, tag_names, written
from core.errors import DomainError
from core.names import measure
from core.reading import Values, whole_number
from edge.fields import TextField

# Discourse's 32 000 and some; a longer answer is a page of documentation.
MAX_TEXT = 40_000
# Stack Overflow's; what needs more is an answer.
MAX_COMMENT = 600
# Days an announcement is on top unless the author says otherwise: who comes once a week
# sees it once.
ANNOUNCED_DAYS = 7
# A season; what everybody should know for longer is documentation.
MOST_PINNED_DAYS = 90
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


def typed_tags(text: str) -> list[str]:
    """Return the tags typed into one field. Raises ``ValidationError``."""
    return checked_tags(SEPARATORS.split(written(text)))


def checked_tags(texts: Iterable[str]) -> list[str]:
    """Return the names of tags. Raises ``ValidationError`` for what can be none."""
    # ``#python`` is a habit; ``c#`` is a name.
    words = [clean_title(written(text)).lstrip("#") for text in texts]
    for word in words:
        if SEPARATORS.search(word):
            raise forms.ValidationError(
                _("Commas separate tags, and “%(tag)s” has one."), params={"tag": word}
            )
        if len(word) > MAX_NAME:
            raise forms.ValidationError(
                _("“%(tag)s” has %(count)d characters; a tag has at most %(most)d."),
                params={"tag": word, "count": len(word), "most": MAX_NAME},
            )
        if word and not measure(word):
            raise forms.ValidationError(_("There is nothing to read in this text."))
    names = tag_names(words)
    if len(names) > 5:
        raise forms.ValidationError(_("Five tags are enough."))
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
        widget=forms.Textarea(attrs={"rows": 6, "data-key": "r"}),
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


class TopicForm(PollFields, TextForm):
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
    pinned_days = forms.IntegerField(
        label=_("Days on top of the list"),
        required=False,
        initial=ANNOUNCED_DAYS,
        min_value=0,
        max_value=MOST_PINNED_DAYS,
        help_text=_("Of an announcement only. 0 is not on top at all."),
    )
    field_order = ("kind", "title", "category", "text", "tags", "pinned_days")
    # What the page says of the template that was asked for.
    notice: str = ""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field = self.fields["category"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Category.objects.open_to(user)
            field.empty_label = None
        if not can_announce(user):
            del self.fields["pinned_days"]
            kinds = self.fields["kind"]
            if isinstance(kinds, forms.ChoiceField):
                kinds.choices = [
                    (kind, label)
                    for kind, label in Topic.Kind.choices
                    if kind != Topic.Kind.ANNOUNCEMENT
                ]

    @classmethod
    def asked_for(cls, asked: Values, *, user: User) -> Self:
        """Return the form as an address asks for it; it begins with the template."""
        kind = asked.choice("kind", Topic.Kind.values, default=Topic.Kind.QUESTION)
        open_to = Category.objects.open_to(user)
        # Without a category, the first that takes what is asked for.
        first = open_to.filter(kinds__contains=[kind]).first() or open_to.first()
        category = open_to.filter(slug=asked.text("category")).first() or first
        initial: dict[str, Any] = {
            "title": asked.text("title"),
            "category": category,
            "kind": kind,
        }
        if category is not None:
            taken = kinds_open_to(user, category)
            if taken and kind not in taken:
                initial["kind"] = taken[0]
            initial["text"] = template_for(category, initial["kind"])
        return cls(initial=initial, user=user)

    @classmethod
    def with_template(cls, sent: QueryDict, *, user: User) -> Self:
        """Return the form as it was sent, the template of its category under the text.

        Nothing that was typed is lost: an empty text becomes the template, any other
        has it at its end, once.
        """
        form = cls(
            initial={name: sent.get(name, "") for name in cls.base_fields}, user=user
        )
        key = whole_number(sent.get("category", ""))
        category = Category.objects.open_to(user).filter(pk=key or 0).first()
        kind = sent.get("kind", "")
        template = template_for(category, kind) if category else ""
        if category is None or not template:
            form.notice = str(_("There is no template for this kind of topic here."))
            return form
        typed = sent.get("text", "").replace("\r\n", "\n")
        if template not in typed:
            form.initial["text"] = (
                f"{typed.rstrip()}\n\n{template}" if typed.strip() else template
            )
        return form

    def clean(self) -> dict[str, Any]:
        """Ask whether the category takes the kind, and for more than the template.

        ``poll`` is the poll that was typed, or none.
        """
        values = super().clean() or {}
        values["poll"] = self.checked_poll(values)
        category, kind = values.get("category"), values.get("kind")
        if category is None or not kind:
            return values
        taken = kinds_open_to(self.user, category)
        if kind not in taken:
            words = [str(Topic.Kind(each).label) for each in taken]
            self.add_error(
                "kind",
                forms.ValidationError(
                    _("In “%(category)s” these are opened: %(kinds)s."),
                    params={
                        "category": category.localised_name,
                        "kinds": ", ".join(words),
                    },
                ),
            )
        template = template_for(category, kind)
        if template and values.get("text", "").strip() == template.strip():
            self.add_error("text", _("Write something under the template’s headings."))
        return values

    def clean_title(self) -> str:
        """Return the title without what nobody sees."""
        return checked_title(self.cleaned_data["title"])

    def clean_tags(self) -> list[str]:
        """Return the tags, at most five."""
        return typed_tags(self.cleaned_data["tags"])


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
        return typed_tags(self.cleaned_data["tags"])
