"""The fields of a poll, in the composer of a topic and on a page of their own."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.forum.models import MOST_OPTIONS, Poll
from community.forum.services.polls import PollValues, cleaned_poll, faults_in
from edge.fields import TextField

# What the fields are called here, by what the service calls them.
FIELDS = {
    "question": "poll_question",
    "options": "poll_options",
    "most_choices": "poll_most",
    "is_anonymous": "poll_is_named",
    "results": "poll_results",
    "ends_at": "poll_ends_at",
}


class PollFields(forms.Form):
    """What a poll asks; all of it may be left empty where a topic needs none."""

    poll_question = forms.CharField(
        label=_("What the poll asks"), max_length=200, required=False
    )
    poll_options = TextField(
        label=_("Options"),
        required=False,
        # As many lines as there may be options, each of them full.
        max_length=MOST_OPTIONS * 121,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One in each line, two to twenty."),
    )
    poll_most = forms.IntegerField(
        label=_("How many may be chosen"),
        required=False,
        min_value=1,
        max_value=MOST_OPTIONS,
        initial=1,
    )
    poll_is_named = forms.BooleanField(label=_("Show who chose what"), required=False)
    poll_results = forms.ChoiceField(
        label=_("Results are shown"),
        choices=Poll.Results.choices,
        required=False,
        initial=Poll.Results.ALWAYS,
    )
    poll_ends_at = forms.DateTimeField(
        label=_("It ends"),
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = timezone.get_current_timezone_name()
        self.fields["poll_ends_at"].help_text = _(
            "By your clock: %(zone)s. Without a time it stays open."
        ) % {"zone": zone}

    @property
    def poll_fields(self) -> list[forms.BoundField]:
        """The fields of the poll, in their order."""
        return [self[name] for name in FIELDS.values()]

    @property
    def asks_poll(self) -> bool:
        """Tell whether anything of a poll was typed, or is wrong with it."""
        typed = (self["poll_question"].value(), self["poll_options"].value())
        wrong = self.is_bound and any(name in self.errors for name in FIELDS.values())
        return wrong or any(value and value.strip() for value in typed)

    def checked_poll(self, values: dict[str, Any]) -> PollValues | None:
        """Return the poll that was typed, or none; says what is wrong with it."""
        question = values.get("poll_question") or ""
        options = values.get("poll_options") or ""
        if any(name in self.errors for name in FIELDS.values()):
            return None
        if not (question.strip() or options.strip()):
            return None
        poll = cleaned_poll(
            PollValues(
                question=question,
                options=tuple(options.split("\n")),
                most_choices=values.get("poll_most") or 1,
                is_anonymous=not values.get("poll_is_named"),
                results=values.get("poll_results") or Poll.Results.ALWAYS,
                ends_at=values.get("poll_ends_at"),
            )
        )
        faults = faults_in(poll)
        for name, sentence in faults.items():
            self.add_error(FIELDS[name], sentence)
        return None if faults else poll


class PollForm(PollFields):
    """A poll on a page of its own: there it is asked for."""

    def __init__(self, *args: Any, poll: Poll | None = None, **kwargs: Any) -> None:
        if poll is not None:
            kwargs["initial"] = {
                "poll_question": poll.question,
                "poll_options": "\n".join(option.text for option in poll.options.all()),
                "poll_most": poll.most_choices,
                "poll_is_named": not poll.is_anonymous,
                "poll_results": poll.results,
                "poll_ends_at": poll.ends_at,
            }
        super().__init__(*args, **kwargs)
        self.fields["poll_question"].required = True
        self.fields["poll_options"].required = True

    def clean(self) -> dict[str, Any]:
        """Add ``poll``: what was typed, checked."""
        values = super().clean() or {}
        values["poll"] = self.checked_poll(values)
        return values
