from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation
from core import documents
from edge.fields import TextField
from inference.catalog.models import Model

MOST_TURNS = 100
MOST_PROMPT = 100_000
# Two fields in each turn, and some to spare for what is not read.
BOUNDS = documents.Bounds(depth=10, nodes=1_000, items=1_000)


class PromptForm(forms.Form):
    """One request to a model: the turns so far, the new one and how to answer."""

    model = forms.ChoiceField(label=_("Model"))
    organisation = forms.ChoiceField(label=_("Organisation"), required=False)
    system = TextField(
        label=_("System message"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    # The turns before this one, as JSON, so that a page without scripts keeps them.
    conversation = forms.CharField(
        required=False, max_length=500_000, widget=forms.HiddenInput
    )
    prompt = TextField(
        label=_("Your message"),
        max_length=MOST_PROMPT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer in tokens"), required=False, min_value=1
    )
    stream = forms.BooleanField(label=_("Stream the answer"), required=False)

    def __init__(
        self,
        *args: Any,
        models: list[Model],
        organisations: list[Organisation],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choose("model", [(model.slug, model.title) for model in models])
        self._choose("organisation", [(org.slug, org.name) for org in organisations])

    def ask(self, wish: Mapping[str, str]) -> None:
        """Begin with what an address asks for; a draft leaves that alone."""
        fixed = set()
        for name in ("model", "organisation"):
            value = wish.get(name, "")
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField) and field.valid_value(value):
                self.initial[name] = value
                fixed.add(name)
        self.fixed = frozenset(fixed)
        if prompt := wish.get("prompt", ""):
            self.initial["prompt"] = prompt
            self.added = {"prompt": prompt}

    def clean_conversation(self) -> list[dict[str, str]]:
        text = self.cleaned_data["conversation"]
        turns = read_conversation(text)
        if turns is None:
            raise forms.ValidationError(_("The conversation so far cannot be read."))
        return turns

    def payload(self) -> dict[str, Any]:
        """Return the valid form as a request body, without streaming."""
        values = self.cleaned_data
        messages = [
            *values["conversation"],
            {"role": "user", "content": values["prompt"]},
        ]
        if values["system"]:
            messages.insert(0, {"role": "system", "content": values["system"]})
        body: dict[str, Any] = {"model": values["model"], "messages": messages}
        for name in ("temperature", "max_tokens"):
            if values[name] is not None:
                body[name] = values[name]
        return body

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices


def read_conversation(text: str) -> list[dict[str, str]] | None:
    """Return the turns in ``text``; nothing when it is not a conversation."""
    try:
        turns = documents.read((text or "[]").encode(), BOUNDS)
    except (documents.BadDocument, UnicodeEncodeError):
        return None
    if not isinstance(turns, list) or len(turns) > MOST_TURNS:
        return None
    if not all(_is_turn(turn) for turn in turns):
        return None
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and turn.get("role") in ("user", "assistant")
        and isinstance(turn.get("content"), str)
    )
