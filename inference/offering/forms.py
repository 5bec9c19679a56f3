from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import NANO
from inference.catalog import options
from inference.catalog.models import NAME_LENGTH, Deployment, Model, PriceVersion
from inference.catalog.pricing import PARTS
from inference.catalog.services import Rates
from inference.keys.forms import RuleListField
from inference.protocol.fields import NEVER
from inference.providers.adding import Wish, address_of

# What the gateway, the playground and the pages know of; a model may say more.
CAPABILITIES = (
    *("chat", "completions", "streaming", "embeddings", "tools", "json_schema"),
    *("reasoning", "vision", "audio", "files", "video", "citations"),
    *("rerank", "moderation"),
)
KEY_HEADERS = [
    ("authorization", _("Authorization: Bearer, as OpenAI has it")),
    ("x-api-key", _("x-api-key, as Anthropic has it")),
]
# Dollars per million tokens: a thousand times the dearest there is.
MOST_DOLLARS = 100_000
# Several keys of a provider that share the work, each at its longest.
MOST_SECRET = 5_000
RATE_LABELS = {
    "price_in": _("Input sells for"),
    "price_cached_in": _("Cached input sells for"),
    "price_out": _("Output sells for"),
    "cost_in": _("Input costs us"),
    "cost_cached_in": _("Cached input costs us"),
    "cost_out": _("Output costs us"),
    "price_cache_write_in": _("Input written to a cache sells for"),
    "price_audio_in": _("Audio in sells for"),
    "price_image_in": _("Images in sell for"),
    "price_reasoning_out": _("Thoughts sell for"),
    "price_audio_out": _("Audio out sells for"),
    "price_image_out": _("Images out sell for"),
    "cost_cache_write_in": _("Input written to a cache costs us"),
    "cost_audio_in": _("Audio in costs us"),
    "cost_image_in": _("Images in cost us"),
    "cost_reasoning_out": _("Thoughts cost us"),
    "cost_audio_out": _("Audio out costs us"),
    "cost_image_out": _("Images out cost us"),
}

# A part without a rate of its own is sold as the rest.
PART_RATES = tuple(f"{side}_{part}" for part in PARTS for side in ("price", "cost"))
REQUIRED_RATES = tuple(name for name in RATE_LABELS if name not in PART_RATES)


def own_rates(version: PriceVersion) -> list[tuple[Any, int]]:
    """Return what each part with a rate of its own is sold for and costs.

    Labels, and billionths of a dollar per million tokens.
    """
    rates = ((RATE_LABELS[name], getattr(version, name)) for name in PART_RATES)
    return [(label, rate) for label, rate in rates if rate is not None]


def _rate(name: str, *, is_required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(
        label=RATE_LABELS[name],
        required=is_required,
        min_value=0,
        max_value=MOST_DOLLARS,
        # A billionth of a dollar is the smallest amount there is.
        decimal_places=9,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )


class SecretField(forms.CharField):
    """Keys of a model's server, one or several with a space between them."""

    def to_python(self, value: Any) -> str:
        # A line for each, as ``providers.keyring`` reads them.
        return "\n".join(str(value or "").split())


def _secret(help_text: Any) -> forms.CharField:
    return SecretField(
        label=_("Its key"),
        required=False,
        max_length=MOST_SECRET,
        help_text=help_text,
        # Never sent back to the browser, whatever else is wrong with the form.
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "new-password"}
        ),
    )


def _key_header() -> forms.TypedChoiceField:
    usual = KEY_HEADERS[0][0]
    return forms.TypedChoiceField(
        label=_("Where its key is sent"),
        choices=KEY_HEADERS,
        initial=usual,
        required=False,
        empty_value=usual,
    )


def _address(label: Any) -> forms.URLField:
    return forms.URLField(
        label=label, required=False, max_length=200, assume_scheme="https"
    )


class RatesForm(forms.Form):
    """What tokens sell for and cost, in US dollars per million, and from when on."""

    def __init__(
        self, *args: Any, current: PriceVersion | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in RATE_LABELS:
            field = _rate(name, is_required=name in REQUIRED_RATES)
            if current is not None and getattr(current, name) is not None:
                field.initial = _dollars(getattr(current, name))
            self.fields[name] = field
        self.fields["valid_from"] = forms.DateTimeField(
            label=_("In force from"),
            required=False,
            help_text=_("Empty: from now on. What was used before keeps its price."),
            widget=forms.DateTimeInput(
                format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}
            ),
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        )

    @property
    def usual_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in (*REQUIRED_RATES, "valid_from")]

    @property
    def part_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in PART_RATES]

    @property
    def shows_parts(self) -> bool:
        """Whether a part has a price of its own, or one that is wrong."""
        return any(field.errors or field.value() for field in self.part_fields)

    def clean_valid_from(self) -> Any:
        moment = self.cleaned_data["valid_from"]
        if moment is not None and moment <= timezone.now():
            raise forms.ValidationError(_("Choose a later time, or leave it empty."))
        return moment

    def rates(self) -> Rates:
        """Return the rates in billionths of a dollar."""
        return Rates(
            **{
                name: int(self.cleaned_data[name] * NANO)
                for name in Rates.__dataclass_fields__
                if self.cleaned_data[name] is not None
            }
        )


class ServerForm(forms.Form):
    """A model that another server runs: where, and what it is to be here."""

    kind = forms.ChoiceField(
        label=_("Server"),
        choices=[
            ("vllm", "vLLM, SGLang, llama.cpp"),
            ("ollama", "Ollama"),
            ("openai", _("Another that speaks OpenAI's protocol")),
        ],
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=200,
        help_text=_("Such as http://10.0.0.5:8000. It is asked what it can do first."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    secret = _secret(
        _(
            "Kept encrypted and never shown. Several, with a space between them, share "
            "the work. Empty: the server asks for none."
        )
    )
    key_header = _key_header()
    upstream = forms.CharField(
        label=_("The server's name for the model"),
        required=False,
        max_length=120,
        help_text=_("Empty: the only one that it lists."),
    )
    name = forms.CharField(
        label=_("Name that callers use"),
        required=False,
        max_length=NAME_LENGTH,
        help_text=_(
            "Such as qwen2.5-7b or vendor/model:tag. Empty: the server's name."
        ),
    )
    title = forms.CharField(label=_("Title"), required=False, max_length=120)
    edition = forms.ChoiceField(label=_("Edition"), choices=Model.Edition.choices)
    licence = forms.CharField(label=_("Licence"), required=False, max_length=80)
    summary = forms.CharField(
        label=_("In one sentence"), required=False, max_length=300
    )
    context_tokens = forms.IntegerField(
        label=_("Context in tokens"),
        required=False,
        min_value=1,
        max_value=100_000_000,
        help_text=_("Empty: as the server tells."),
    )
    price_in = _rate("price_in")
    price_out = _rate("price_out")
    cost_in = _rate("cost_in")
    cost_out = _rate("cost_out")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("price_in", "price_out", "cost_in", "cost_out"):
            self.fields[name].initial = 0
            self.fields[name].help_text = _("US dollars per million tokens.")

    def values(self) -> dict[str, Any]:
        """Return the form as ``offering.services.create_model`` takes it."""
        said = self.cleaned_data
        name = said["name"]
        words = {"title": said["title"] or name, "summary": said["summary"]}
        prices = (
            said[each] for each in ("price_in", "price_out", "cost_in", "cost_out")
        )
        wish = Wish(
            name=name,
            rates=Rates.from_dollars(*map(str, prices)),
            context_tokens=said["context_tokens"] or 0,
            fields={
                "edition": said["edition"],
                "licence": said["licence"],
                **{key: text for key, text in words.items() if text},
            },
        )
        sent = ("kind", "address", "secret", "key_header", "upstream")
        return {**{key: said[key] for key in sent}, "wish": wish}


class ModelForm(forms.ModelForm[Model]):
    """What is said of a model, and how much it takes and gives."""

    capabilities = forms.MultipleChoiceField(
        label=_("What it can do"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    fallbacks = RuleListField(
        label=_("Models that may answer in its place"),
        read=str,
        help_text=_("By name, one to a line, in the order they are tried."),
    )
    card_url = _address(_("Model card"))
    download_url = _address(_("Download"))

    class Meta:
        model = Model
        fields = (
            *("title", "edition", "licence", "owned_by"),
            *("summary", "summary_zh", "description", "description_zh"),
            *("capabilities", "context_tokens", "max_output_tokens"),
            *("default_output_tokens", "bytes_per_token"),
            *("fallbacks", "fallback_ceiling"),
            *("card_url", "download_url", "self_hosting", "self_hosting_zh"),
        )
        labels = {
            "title": _("Title"),
            "edition": _("Edition"),
            "licence": _("Licence"),
            "owned_by": _("Maker"),
            "summary": _("In one sentence"),
            "summary_zh": _("In one sentence, in Chinese"),
            "description": _("What it does"),
            "description_zh": _("What it does, in Chinese"),
            "context_tokens": _("Context in tokens"),
            "max_output_tokens": _("Longest answer in tokens"),
            "default_output_tokens": _("Likely answer in tokens"),
            "bytes_per_token": _("Bytes of text to a token"),
            "fallback_ceiling": _("Dearest of them, in per cent of its price"),
            "self_hosting": _("Steps to run it elsewhere"),
            "self_hosting_zh": _("Steps to run it elsewhere, in Chinese"),
        }
        help_texts = {
            "default_output_tokens": _(
                "What a request without a maximum counts for in limits until it ends."
            ),
            "bytes_per_token": _(
                "Prompts are estimated by it before they are admitted."
            ),
        }
        widgets = {
            name: forms.Textarea(attrs={"rows": 4})
            for name in (
                *("description", "description_zh"),
                *("self_hosting", "self_hosting_zh"),
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["capabilities"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        own = [word for word in self.instance.capabilities if word not in CAPABILITIES]
        field.choices = [(word, word) for word in (*CAPABILITIES, *own)]
        # Written as it was typed; the service decides what is right.
        self.fields["bytes_per_token"].validators.append(MinValueValidator(0.1))

    def clean_capabilities(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["capabilities"]
        # In the order they had: a list that says the same is no change.
        before = [word for word in self.instance.capabilities if word in chosen]
        return before + [word for word in chosen if word not in before]

    def _post_clean(self) -> None:
        """Leave the row as it is: the service compares it with what was sent."""


class DeploymentForm(forms.ModelForm[Deployment]):
    """One place that runs a model. The key is written, never read."""

    base_url = forms.CharField(
        label=_("Address"),
        max_length=200,
        help_text=_("Such as http://10.0.0.5:8000/v1, without a key."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    secret = _secret(_("Empty: it stays as it is. Another address needs it again."))
    forget_secret = forms.BooleanField(label=_("Take its key away"), required=False)
    key_header = _key_header()
    max_tokens_field = forms.ChoiceField(
        label=_("Its word for the longest answer"),
        choices=[(word, word) for word in options.WORDS["max_tokens_field"]],
        required=False,
        help_text=_("Found out by a test; OpenAI's newer models know only the second."),
    )
    speaks = forms.MultipleChoiceField(
        label=_("Protocols that it speaks itself"),
        choices=[
            ("messages", _("Messages, as Anthropic's clients do")),
            ("responses", _("Responses, as OpenAI's newer clients do")),
        ],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Asked in the caller's own words; others are translated."),
    )
    accepts = RuleListField(
        label=_("Further fields that it may be sent"),
        read=str,
        help_text=_(
            "By name, one to a line, such as ignore_eos. Callers who send others are "
            "refused."
        ),
    )
    affinity = forms.ChoiceField(
        label=_("Prompts that begin alike"),
        choices=[
            ("", _("go wherever there is room")),
            ("prefix", _("go to one place, which keeps what it made of them")),
        ],
        required=False,
    )
    sums = forms.ChoiceField(
        label=_("Its own count of tokens"),
        choices=[
            ("", _("is not compared: others use the server as well")),
            ("metrics", _("is read from /metrics every night and compared with ours")),
        ],
        required=False,
    )

    class Meta:
        model = Deployment
        fields = (
            *("base_url", "upstream_model", "is_enabled", "priority", "weight"),
            *("on_disconnect", "connect_timeout", "first_byte_timeout"),
            *("idle_timeout", "total_timeout"),
        )
        labels = {
            "upstream_model": _("The server's name for the model"),
            "is_enabled": _("Send calls to it"),
            "priority": _("Priority"),
            "weight": _("Weight"),
            "on_disconnect": _("When a caller leaves"),
            "connect_timeout": _("Seconds to connect"),
            "first_byte_timeout": _("Seconds until a stream begins"),
            "idle_timeout": _("Seconds a stream may be silent"),
            "total_timeout": _("Seconds for a whole answer"),
        }
        help_texts = {
            "priority": _("The lowest is called first, the next one when that fails."),
            "weight": _("How calls are shared out among those of one priority."),
        }

    field_order = (
        *("base_url", "upstream_model", "secret", "forget_secret", "key_header"),
        *("is_enabled", "priority", "weight"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place = self.instance
        for name, value in options.chosen(place.options).items():
            self.fields[name].initial = value
        if place.pk is None:
            del self.fields["forget_secret"]
            self.fields["secret"].help_text = _(
                "Kept encrypted and never shown. Empty: the server asks for none."
            )
            # It is tried first.
            self.fields["is_enabled"].initial = False
        elif place.provider != Deployment.Provider.OPENAI:
            outside = ("base_url", "upstream_model", "secret", "forget_secret")
            for name in (*outside, *options.chosen({})):
                del self.fields[name]
        elif not place.credential:
            del self.fields["forget_secret"]

    def clean_base_url(self) -> str:
        return address_of("openai", self.cleaned_data["base_url"].strip())

    def clean_max_tokens_field(self) -> str:
        word: str = self.cleaned_data["max_tokens_field"]
        # Who leaves it out changes nothing that a test has found.
        return word or options.chosen(self.instance.options)["max_tokens_field"]

    def clean_accepts(self) -> list[str]:
        names: list[str] = self.cleaned_data["accepts"]
        if never := next((name for name in names if name in NEVER), None):
            raise forms.ValidationError(
                _("%(name)s is never passed on: it would change what a call costs.")
                % {"name": never}
            )
        return names

    def values(self) -> dict[str, Any]:
        """Return what is changed of the row itself."""
        changed = {
            name: self.cleaned_data[name]
            for name in self._meta.fields or ()
            if name in self.fields
        }
        choice = {
            name: self.cleaned_data[name]
            for name in options.chosen({})
            if name in self.fields
        }
        return {**changed, "options": options.merged(self.instance.options, choice)}

    def new_secret(self) -> str | None:
        """Return the key to use from now on: "" for none, nothing to keep the old."""
        if self.cleaned_data.get("forget_secret"):
            return ""
        return self.cleaned_data.get("secret") or None

    def _post_clean(self) -> None:
        """Leave the row as it is: the service compares it with what was sent."""


def refuse(form: forms.BaseForm, field: str | None, message: Any) -> None:
    """Put a service's no beside the field that it names, else above the form."""
    form.add_error(field if field in form.fields else None, str(message))


def _dollars(nano: int) -> str:
    """Return billionths as a number of dollars, without zeros that say nothing."""
    return f"{(Decimal(nano) / NANO).normalize():f}"
