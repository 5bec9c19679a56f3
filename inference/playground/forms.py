import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation
from core import documents
from edge.fields import TextField
from inference.catalog.models import Model
from inference.playground.models import MOST_MODELS, TITLE_LENGTH, Chat
from inference.playground.services import Prompt

# Characters: about 25 000 tokens, within a context of 32 000.
MOST_PROMPT = 100_000
# JSON that a person pastes and looks through; half a prompt leaves room for the text.
MOST_DOCUMENT = 50_000
MOST_RESULT = 50_000  # as above
# What the protocol allows.
MOST_STOPS = 4
MOST_TOOLS = 128  # as above
MOST_SEED = 2**63 - 1  # as above
# A function's parameters nest; nobody writes more than this by hand.
_BOUNDS = documents.Bounds(depth=40, nodes=5_000, items=5_000)
_PARAMETERS = ("system", "temperature", "top_p", "max_tokens", "seed", "stop", "tools")
# What a model has to say of itself before it is sent this.
_NEEDS = {"tools": "tools", "schema": "json_schema"}
_COLUMNS = ("model", *(f"model_{number}" for number in range(2, MOST_MODELS + 1)))


class LinesField(TextField):
    """Texts, one to a line; empty lines are none."""

    def clean(self, value: Any) -> Any:
        """Return the lines."""
        text = super().clean(value) or ""
        lines = [line for line in text.split("\n") if line]
        if len(lines) > MOST_STOPS:
            raise forms.ValidationError(
                _("At most %(most)d texts, one to a line.") % {"most": MOST_STOPS}
            )
        return lines


class DocumentField(TextField):
    """JSON of a kind, typed by hand."""

    def __init__(self, kind: type, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=MOST_DOCUMENT,
            widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
            **kwargs,
        )
        self.kind = kind

    def clean(self, value: Any) -> Any:
        """Return the document; nothing for an empty field."""
        text = super().clean(value) or ""
        if not text.strip():
            return None
        try:
            found = documents.read(text.encode(), _BOUNDS)
        except UnicodeEncodeError as error:
            raise forms.ValidationError(_("This cannot be read as JSON.")) from error
        except documents.BadDocument as error:
            raise forms.ValidationError(
                _("This cannot be read as JSON: %(reason)s") % {"reason": error}
            ) from error
        if not isinstance(found, self.kind):
            raise forms.ValidationError(
                _("This has to be a list, in square brackets.")
                if self.kind is list
                else _("This has to be an object, in braces.")
            )
        if documents.has_nul(text.encode()):
            raise forms.ValidationError(
                _("This holds a character that cannot be kept.")
            )
        return found


class PromptForm(forms.Form):
    """One question to one to four models, and how they are to answer."""

    model = forms.ChoiceField(label=_("Model"))
    model_2 = forms.ChoiceField(label=_("Second model"), required=False)
    model_3 = forms.ChoiceField(label=_("Third model"), required=False)
    model_4 = forms.ChoiceField(label=_("Fourth model"), required=False)
    is_blind = forms.BooleanField(
        label=_("Blind: hide the names until I have voted"), required=False
    )
    organisation = forms.ChoiceField(label=_("Organisation"), required=False)
    system = TextField(
        label=_("System message"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
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
        help_text=_("0 to 2. Low repeats itself, high surprises."),
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )
    top_p = forms.FloatField(
        label=_("Top p"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=_("0 to 1: of all words, the likeliest that make up this share."),
        widget=forms.NumberInput(attrs={"step": "0.05", "inputmode": "decimal"}),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer in tokens"),
        required=False,
        min_value=1,
        max_value=2**31 - 1,
    )
    stop = LinesField(
        label=_("Stop at"),
        required=False,
        strip=False,
        max_length=1_000,
        help_text=_("Up to four texts, one to a line; the answer ends before them."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=-MOST_SEED,
        max_value=MOST_SEED,
        help_text=_("The same number asks for the same answer, where the model can."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    tools = DocumentField(
        list,
        label=_("Functions"),
        help_text=_("A list of definitions, as the API's field “tools” takes them."),
    )
    schema = DocumentField(
        dict,
        label=_("JSON schema of the answer"),
        help_text=_("The answer is JSON of this shape (“response_format”)."),
    )

    def __init__(
        self,
        *args: Any,
        models: Sequence[Model],
        organisations: Sequence[Organisation],
        chat: Chat | None = None,
        pending: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.models = {model.slug: model for model in models}
        self.chat = chat
        self.pending = pending
        choices = [(model.slug, model.title) for model in models]
        self._choose("model", choices)
        for name in _COLUMNS[1:]:
            self._choose(name, [("", _("none")), *choices])
        self._choose("organisation", [(org.slug, org.name) for org in organisations])
        if chat is not None:
            # The columns of a chat stand; where there is one, its model may change.
            names = (*_COLUMNS[1:], "is_blind")
            for name in (*names, *(_COLUMNS[:1] if chat.is_comparison else ())):
                del self.fields[name]
        for number, call in enumerate(pending):
            self.fields[f"result_{number}"] = TextField(
                label=_("Result of %(name)s") % {"name": _name_of(call)},
                max_length=MOST_RESULT,
                widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            )
        if pending:
            del self.fields["prompt"]

    @property
    def able_titles(self) -> dict[str, str]:
        """Which models on offer take functions, and which a schema."""
        return {
            field: ", ".join(
                each.title for each in self.models.values() if need in each.capabilities
            )
            for field, need in _NEEDS.items()
        }

    @property
    def result_fields(self) -> list[forms.BoundField]:
        return [self[f"result_{number}"] for number in range(len(self.pending))]

    @property
    def has_settings(self) -> bool:
        """Whether something is set, or wrongly set, beside the message."""
        names = [*_PARAMETERS, "schema"]
        return any(self[name].value() or self[name].errors for name in names)

    def ask(self, wish: Mapping[str, str]) -> None:
        """Begin with what an address asks for; a draft leaves that alone."""
        fixed = set()
        for name in ("model", "organisation"):
            value = wish.get(name, "")
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField) and field.valid_value(value):
                self.initial[name] = value
                fixed.add(name)
        self.fixed = frozenset(fixed)
        if prompt := wish.get("prompt", ""):
            self.initial["prompt"] = prompt
            self.added = {"prompt": prompt}

    def clean_tools(self) -> list[dict[str, Any]] | None:
        """Return the functions; each has a name, which is said by its place if not."""
        tools = self.cleaned_data["tools"]
        if tools is None:
            return None
        if not 1 <= len(tools) <= MOST_TOOLS:
            raise forms.ValidationError(
                _("Between 1 and %(most)d functions.") % {"most": MOST_TOOLS}
            )
        for number, tool in enumerate(tools, 1):
            function = tool.get("function") if isinstance(tool, dict) else None
            name = function.get("name") if isinstance(function, dict) else None
            is_tool = isinstance(tool, dict) and tool.get("type") == "function"
            if not is_tool or not isinstance(name, str) or not name:
                raise forms.ValidationError(
                    _(
                        "Function %(number)d has to look like "
                        '{"type": "function", "function": {"name": "…"}}.'
                    )
                    % {"number": number}
                )
        return list(tools)

    def clean(self) -> dict[str, Any]:
        """Check what belongs together: each model once, and able to do it."""
        values = super().clean() or self.cleaned_data
        chosen: list[str] = []
        for name in _COLUMNS:
            slug = values.get(name)
            if slug and slug in chosen:
                self.add_error(name, _("This model is chosen already."))
            elif slug:
                chosen.append(slug)
        if values.get("is_blind") and len(chosen) < 2:
            self.add_error("is_blind", _("It takes two models to hide which is which."))
        asked = chosen or (self.chat.columns if self.chat else [])
        if values.get("tools") and len(asked) > 1:
            self.add_error("tools", _("Functions go with one model at a time."))
        for field, need in _NEEDS.items():
            if values.get(field):
                self._check_able(field, need, asked)
        return values

    @property
    def columns(self) -> list[str]:
        """The models a valid form asks, in the form's order."""
        chosen = [self.cleaned_data.get(name) for name in _COLUMNS]
        return [slug for slug in chosen if slug]

    def parameters(self) -> dict[str, Any]:
        """Return how a valid form wants to be answered, without what was left empty."""
        values = {name: self.cleaned_data.get(name) for name in _PARAMETERS}
        values["schema"] = self.cleaned_data.get("schema")
        return {
            name: value for name, value in values.items() if value not in (None, "", [])
        }

    def prompt_of(self, submission: str) -> Prompt:
        """Return what a valid form sends."""
        return Prompt(
            text=self.cleaned_data.get("prompt", ""),
            parameters=self.parameters(),
            results=[
                {
                    "id": str(call.get("id", "")),
                    "name": _name_of(call),
                    "content": self.cleaned_data[f"result_{number}"],
                }
                for number, call in enumerate(self.pending)
            ],
            submission=submission,
        )

    def _check_able(self, field: str, need: str, asked: Sequence[str]) -> None:
        able = [slug for slug, each in self.models.items() if need in each.capabilities]
        unable = [slug for slug in asked if slug not in able]
        if not unable:
            return
        titles = {slug: model.title for slug, model in self.models.items()}
        if self.chat is not None and self.chat.is_blind:
            # The order is not told, so it is not said whose this is either.
            unable = sorted(unable)
        named = ", ".join(titles.get(slug, slug) for slug in unable)
        others = ", ".join(titles[slug] for slug in able)
        message = (
            _("%(model)s cannot do this. These can: %(others)s.")
            if able
            else _("%(model)s cannot do this, and no model on offer can.")
        )
        self.add_error(field, message % {"model": named, "others": others})

    def _choose(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)


class TitleForm(forms.Form):
    """Another title for a chat."""

    title = forms.CharField(label=_("Title"), required=False, max_length=TITLE_LENGTH)


class SharingForm(forms.Form):
    """Who else may read a chat."""

    sharing = forms.ChoiceField(
        label=_("Who may read this chat"),
        choices=Chat.Sharing.choices,
        widget=forms.RadioSelect,
    )
    organisation = forms.ChoiceField(label=_("Organisation"), required=False)

    def __init__(
        self, *args: Any, organisations: Sequence[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.organisations = {org.slug: org for org in organisations}
        field = self.fields["organisation"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(org.slug, org.name) for org in organisations]

    def clean(self) -> dict[str, Any]:
        """Ask for the organisation that a chat is shared in."""
        values = super().clean() or self.cleaned_data
        is_of_team = values.get("sharing") == Chat.Sharing.ORGANISATION
        if is_of_team and not values.get("organisation"):
            self.add_error(
                "organisation", _("Choose an organisation with others in it.")
            )
        return values

    @property
    def team(self) -> Organisation | None:
        """The organisation a valid form names."""
        return self.organisations.get(self.cleaned_data.get("organisation", ""))


def initial_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first values of a form that goes on as a chat was set."""
    parameters = dict(settings.get("parameters") or {})
    stop = parameters.pop("stop", [])
    shown = {
        name: json.dumps(parameters.pop(name), ensure_ascii=False, indent=2)
        for name in _NEEDS
        if name in parameters
    }
    return {
        **parameters,
        **shown,
        "stop": "\n".join(stop),
        "prompt": settings.get("prompt", ""),
    }


def _name_of(call: Mapping[str, Any]) -> str:
    function = call.get("function")
    return str(function.get("name", "")) if isinstance(function, dict) else ""
