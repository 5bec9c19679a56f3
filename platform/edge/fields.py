"""Form fields that measure and draw text as people see it."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.names import measure, on_one_line, taken_at


class Renderer(DjangoTemplates):
    """Draws fields without ``maxlength``.

    A browser cuts what is pasted there without a word, and counts in its own units. The
    form measures characters and says how many there are, and the whole text stays.
    """

    def render(
        self,
        template_name: str,
        context: dict[str, Any],
        request: HttpRequest | None = None,
    ) -> str:
        """Return the field's markup."""
        if "widget" in context:
            context["widget"]["attrs"].pop("maxlength", None)
        return super().render(template_name, context, request)


class TextField(forms.CharField):
    """A text of several lines, in which a line break is one character.

    Browsers send two, so that a text of exactly the allowed length was refused.
    """

    widget = forms.Textarea

    def to_python(self, value: Any) -> str | None:
        """Return the text, its lines ended one way."""
        text: str | None = super().to_python(value)
        return text and text.replace("\r\n", "\n").replace("\r", "\n")


class NameField(forms.CharField):
    """A name that others read: on one line, and something of it can be seen."""

    def to_python(self, value: Any) -> str:
        """Return the name without what would turn or split what stands beside it."""
        return on_one_line(super().to_python(value) or "")

    def run_validators(self, value: Any) -> None:
        """Refuse a name that is blank to the eye; nothing at all may be allowed."""
        super().run_validators(value)
        if value:
            validate_readable(value)


class LastDayField(forms.DateField):
    """The last day of something, in the reader's time zone; empty: it has none."""

    def __init__(self, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            "required": False,
            "widget": forms.DateInput(
                format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
            ),
        }
        super().__init__(**defaults | kwargs)

    def clean(self, value: Any) -> datetime | None:
        """Return the last moment of the day. Refuses a day that is over."""
        day: date | None = super().clean(value)
        if day is None:
            return None
        if day < timezone.localdate():
            raise ValidationError(_("Choose today or a later day."))
        return datetime.combine(day, time.max, timezone.get_current_timezone())


def validate_readable(text: str) -> None:
    """Refuse a name of which nothing can be seen: nobody could choose or open it."""
    if not measure(text):
        raise ValidationError(_("There is nothing to read in this text."))


@dataclass(frozen=True, slots=True)
class FreeUnder:
    """Refuses a name whose address under ``prefix`` is another page's."""

    prefix: str

    def __call__(self, name: str) -> None:
        """Raise ``ValidationError`` for a name that is taken."""
        if name.lower() in taken_at(self.prefix):
            raise ValidationError(_("Another page has this address. Choose another."))
