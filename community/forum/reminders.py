"""When to be reminded, in the words and by the clock of the person who asks."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.forum.cleaning import clean_title
from community.forum.models import Bookmark
from core.reading import LAST_DAY

# When most people have begun their day and few are in a meeting; Discourse's is eight.
MORNING = time(9)


class When:
    """The choices of a reminder."""

    NEVER = ""
    TOMORROW = "tomorrow"
    WEEK = "week"
    MONTH = "month"
    AT = "at"

    LABELS = (
        (NEVER, _("No reminder")),
        (TOMORROW, _("Tomorrow morning")),
        (WEEK, _("In a week, in the morning")),
        (MONTH, _("In thirty days, in the morning")),
        (AT, _("At a time of my choice")),
    )
    # How many days each is from today.
    DAYS = {TOMORROW: 1, WEEK: 7, MONTH: 30}


def morning_in(days: int) -> datetime:
    """Return nine o'clock by the reader's clock, so many days from today.

    Counted in days and not in hours: where the clocks change in between it is nine
    still.
    """
    day = timezone.localdate() + timedelta(days=days)
    return timezone.make_aware(datetime.combine(day, MORNING))


class BookmarkForm(forms.Form):
    """A note on a post to keep, and when to be reminded of it."""

    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        required=False,
        help_text=_("Only you see it."),
    )
    when = forms.ChoiceField(label=_("Remind me"), choices=When.LABELS, required=False)
    at = forms.DateTimeField(
        label=_("Time"),
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )

    def __init__(self, *args: Any, kept: Bookmark | None = None, **kwargs: Any) -> None:
        first: dict[str, Any] = {}
        if kept is not None:
            first["note"] = kept.note
            if kept.is_waiting:
                first |= {"when": When.AT, "at": kept.remind_at}
        super().__init__(*args, **{**kwargs, "initial": first})
        zone = timezone.get_current_timezone_name()
        self.fields["at"].help_text = _(
            "By your clock: %(zone)s. It is in your settings."
        ) % {"zone": zone}

    def clean_note(self) -> str:
        """Return the note on one line, without what nobody sees."""
        return clean_title(self.cleaned_data["note"])

    def clean(self) -> dict[str, Any]:
        """Add ``remind_at``: the moment that was chosen, or none."""
        values = super().clean() or {}
        when, at = values.get("when", ""), values.get("at")
        if when in When.DAYS:
            values["remind_at"] = morning_in(When.DAYS[when])
        elif when == When.AT and not self.errors:
            if at is None:
                self.add_error("at", _("Say at which time."))
            elif at <= timezone.now() or at.date() > LAST_DAY:
                self.add_error("at", _("Choose a time that is still to come."))
            values["remind_at"] = at
        else:
            values["remind_at"] = None
        return values
