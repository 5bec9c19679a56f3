from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import NANO
from inference.catalog.models import Model
from inference.keys.models import MOST_CACHE_SECONDS, ApiKey, DataKind, Project
from inference.keys.reading import network_of, origin_of

# Far beyond any plan, and far below what a bigint of billionths holds.
MOST_DOLLARS = 1_000_000
# Each is looked at with every call; who needs more has a network of their own.
MOST_LINES = 50
_AS_THEY_ARE = (
    *("scopes", "networks", "origins", "hidden_data"),
    *("requests_per_minute", "tokens_per_minute", "concurrent_requests"),
    "cache_seconds",
)


def _limit(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=1,
        # What the column holds.
        max_value=2_147_483_647,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )


def _dollars(help_text: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=_("Monthly limit in US dollars"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_DOLLARS,
        decimal_places=2,
        help_text=help_text,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )


class RuleListField(forms.CharField):
    """A list that is written one to a line; ``read`` makes each what is kept."""

    def __init__(self, *, read: Callable[[str], str], **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=4_000,
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            **kwargs,
        )
        self.read = read

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        found: list[str] = []
        for line in text.replace(",", "\n").splitlines():
            if line.strip():
                kept = self.read(line.strip())
                found += [kept] if kept not in found else []
        if len(found) > MOST_LINES:
            raise forms.ValidationError(
                _("At most %(most)d of them.") % {"most": MOST_LINES}
            )
        return found


class KeyForm(forms.Form):
    """What a key is called and what it may do.

    ``values`` are the rules; ``first`` are the fields most people need.
    """

    first = ("name", "kind", "project", "expires_on", "monthly_limit", "allowed_models")

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where the key is used, such as “website” or “night batch”."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label=_("Of"),
        choices=[
            (ApiKey.Kind.STANDARD, _("a person")),
            (ApiKey.Kind.SERVICE, _("a program: a service account")),
        ],
        required=False,
        help_text=_("A service account is nobody's: it outlives who made it."),
    )
    project = forms.ChoiceField(label=_("Project"), required=False)
    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        help_text=_("The last day it works. Empty: it works until revoked."),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
        ),
    )
    monthly_limit = _dollars(
        _("Empty: only the organisation's own allowance limits it.")
    )
    allowed_models = forms.MultipleChoiceField(
        label=_("Models it may call"),
        required=False,
        help_text=_("None chosen: every model the plan includes."),
        widget=forms.CheckboxSelectMultiple,
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it is for"),
        required=False,
        choices=ApiKey.Scope.choices,
        help_text=_("None chosen: everything."),
        widget=forms.CheckboxSelectMultiple,
    )
    requests_per_minute = _limit(_("Requests per minute"))
    tokens_per_minute = _limit(_("Tokens per minute"))
    concurrent_requests = _limit(_("Requests at the same time"))
    networks = RuleListField(
        label=_("Networks it may be used from"),
        read=network_of,
        help_text=_(
            "Addresses such as 203.0.113.7 or networks such as 10.0.0.0/8, one to a "
            "line. Empty: from everywhere."
        ),
    )
    origins = RuleListField(
        label=_("Web pages that may read answers"),
        read=origin_of,
        help_text=_(
            "Origins such as https://app.example, one to a line. A key in a page can be "
            "read by all who open it: give it a small budget. Empty: none."
        ),
    )

    hidden_data = forms.MultipleChoiceField(
        label=_("Personal data hidden from models"),
        required=False,
        choices=DataKind.choices,
        help_text=_(
            "Each is replaced by a name such as [EMAIL_1] before a model reads it. "
            "Names and streets have no form to be found by: they stay."
        ),
        widget=forms.CheckboxSelectMultiple,
    )

    cache_seconds = forms.IntegerField(
        label=_("Seconds an answer may be given again"),
        required=False,
        min_value=1,
        max_value=MOST_CACHE_SECONDS,
        help_text=_(
            "An identical request of this organisation is then answered from the cache, "
            "for nothing. Streams and requests with tools always run. Empty: every "
            "request runs."
        ),
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )

    def __init__(
        self,
        *args: Any,
        models: list[Model],
        projects: Sequence[Project] = (),
        key: ApiKey | None = None,
        **kwargs: Any,
    ) -> None:
        if key is not None:
            kwargs["initial"] = _shown(key)
        super().__init__(*args, **kwargs)
        field = self.fields["allowed_models"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(model.slug, model.title) for model in models]
        if key is not None:
            # What it was given stays choosable when it is offered no more.
            known = {model.slug for model in models}
            field.choices += [
                (slug, slug) for slug in key.allowed_models if slug not in known
            ]
            del self.fields["kind"]
        self.projects = {project.public_id: project for project in projects}
        if projects:
            choice = self.fields["project"]
            assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above
            choice.choices = [
                ("", _("none")),
                *((each.public_id, each.name) for each in projects),
            ]
        else:
            del self.fields["project"]

    @property
    def usual_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.first if name in self.fields]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in self.first]

    @property
    def shows_other_fields(self) -> bool:
        """Whether one of them says something, or says it wrong."""
        return any(field.errors or field.value() for field in self.other_fields)

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(_("Choose today or a later day."))
        return day

    def values(self) -> dict[str, Any]:
        """Return the form as ``keys.services.create_key`` takes it."""
        day: date | None = self.cleaned_data["expires_on"]
        limit: Decimal | None = self.cleaned_data["monthly_limit"]
        return {
            "name": self.cleaned_data["name"],
            "allowed_models": self.cleaned_data["allowed_models"],
            "monthly_limit_nano": None if limit is None else int(limit * NANO),
            "expires_at": day
            and datetime.combine(day, time.max, timezone.get_current_timezone()),
            "project": self.projects.get(self.cleaned_data.get("project", "")),
            **{name: self.cleaned_data[name] for name in _AS_THEY_ARE},
        }

    def rules(self) -> dict[str, Any]:
        """Return what ``set_key_rules`` changes: a moment is kept while its day is."""
        values = self.values()
        del values["name"]
        if "expires_on" not in self.changed_data:
            del values["expires_at"]
        return values

    @property
    def is_service(self) -> bool:
        return self.cleaned_data.get("kind") == ApiKey.Kind.SERVICE


class ProjectForm(forms.Form):
    """What some keys are for, and what they may spend together."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    monthly_limit = _dollars(
        _("What its keys may spend together. Empty: the organisation's allowance.")
    )

    def values(self) -> dict[str, Any]:
        """Return the form as the services of projects take it."""
        limit: Decimal | None = self.cleaned_data["monthly_limit"]
        return {
            "name": self.cleaned_data["name"],
            "monthly_limit_nano": None if limit is None else int(limit * NANO),
        }


def shown_project(project: Project) -> dict[str, Any]:
    """Return a project as its form shows it."""
    return {
        "name": project.name,
        "monthly_limit": _in_dollars(project.monthly_limit_nano),
    }


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "project": key.project.public_id if key.project else "",
        "expires_on": key.expires_at and timezone.localtime(key.expires_at).date(),
        "monthly_limit": _in_dollars(key.monthly_limit_nano),
        "allowed_models": key.allowed_models,
        **{name: getattr(key, name) for name in _AS_THEY_ARE},
    }


def _in_dollars(nano: int | None) -> Decimal | None:
    return None if nano is None else (Decimal(nano) / NANO).quantize(Decimal("0.01"))
