"""What is kept for some days is read until then, and deleted afterwards."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from inference.retention.models import MOST_DAYS
from inference.stored.models import Storage
from inference.transcripts.models import Transcript, TranscriptChoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(person: Callable[..., Any]) -> Organisation:
    return personal_organisation(person("ada"))


def keep(organisation: Organisation, name: str, *, ends_in: timedelta) -> None:
    Transcript.objects.create(
        request_id=name,
        organisation=organisation,
        sealed_request="",
        sealed_answer="",
        is_request_cut=False,
        is_answer_cut=False,
        expires_at=timezone.now() + ends_in,
    )


def test_what_is_over_is_deleted_batch_by_batch_and_the_rest_stays(
    organisation: Organisation,
) -> None:
    for number in range(5):
        keep(organisation, f"old{number}", ends_in=-timedelta(seconds=1))
    keep(organisation, "new", ends_in=timedelta(hours=1))

    assert Transcript.objects.prune(batch=2) == 5
    assert Transcript.objects.get().pk == "new"


def test_what_is_over_is_not_read_though_it_is_there(
    organisation: Organisation, person: Callable[..., Any]
) -> None:
    keep(organisation, "old", ends_in=-timedelta(seconds=1))
    keep(organisation, "new", ends_in=timedelta(hours=1))
    keep(personal_organisation(person("bo")), "another", ends_in=timedelta(hours=1))

    kept = Transcript.objects.kept_for(organisation.pk)

    assert [*kept.values_list("pk", flat=True)] == ["new"]


@pytest.mark.parametrize("choices", [Storage, TranscriptChoice])
@pytest.mark.parametrize("days", [0, MOST_DAYS + 1])
def test_the_database_refuses_other_numbers_of_days(
    organisation: Organisation, choices: Any, days: int
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        choices.objects.create(organisation=organisation, days=days)

    assert not choices.objects.exists()
