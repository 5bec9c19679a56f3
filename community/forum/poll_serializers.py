"""A poll as a body of the REST API asks for it, alone or with a new topic."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from community.forum.models import MOST_OPTIONS, Poll
from community.forum.services import PollValues, cleaned_poll, faults_in
from edge.rest import StrictSerializer


class NewPollSerializer(StrictSerializer):
    """A poll to ask; without an end it stays open."""

    question = serializers.CharField(max_length=200)
    options = serializers.ListField(
        # What is too long is said by its own name, with how long it is.
        child=serializers.CharField(max_length=1_000),
        min_length=2,
        max_length=MOST_OPTIONS,
    )
    most_choices = serializers.IntegerField(
        min_value=1, max_value=MOST_OPTIONS, default=1
    )
    is_anonymous = serializers.BooleanField(default=True)
    results = serializers.ChoiceField(choices=Poll.Results.choices, default="always")
    ends_at = serializers.DateTimeField(default=None, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        faults = faults_in(cleaned_poll(poll_of(attrs)))
        if faults:
            raise serializers.ValidationError(
                {name: [sentence] for name, sentence in faults.items()}
            )
        return attrs


def poll_of(values: dict[str, Any]) -> PollValues:
    """Return what a body asks for, as the service takes it."""
    ends_at: datetime | None = values["ends_at"]
    return PollValues(
        question=values["question"],
        options=tuple(values["options"]),
        most_choices=values["most_choices"],
        is_anonymous=values["is_anonymous"],
        results=values["results"],
        ends_at=ends_at,
    )
