"""Transcripts in the console: the choice, the reading and who may do either."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Organisation
from accounts.queries import personal_organisation
from audit.models import Record
from core.crypto import decrypt
from inference.transcripts import services
from inference.transcripts.models import Transcript, TranscriptChoice
from inference.transcripts.presentation import said_in
from inference.transcripts.services import Taken

pytestmark = pytest.mark.django_db

SENT = b'{"model":"tiny","messages":[{"role":"user","content":"<b>Hi</b>"}]}'
BACK = b'{"choices":[{"message":{"content":"Hello there!"}}]}'


@pytest.fixture
def organisation(client: Client, person: Callable[..., Any]) -> Organisation:
    ada = person("ada")
    client.force_login(ada)
    return personal_organisation(ada)


def address(organisation: Organisation, name: str, *rest: str) -> str:
    return reverse(f"transcripts:{name}", args=[organisation.slug, *rest])


def keep(organisation: Organisation, request_id: str = "req_1", **fields: Any) -> int:
    taken = Taken(request_id, organisation.pk, SENT, BACK, **fields)
    return services.keep([taken])


@pytest.fixture
def chosen(organisation: Organisation, client: Client) -> Organisation:
    client.post(address(organisation, "choice"), {"days": 7})
    return organisation


def test_nothing_is_kept_until_it_is_chosen(
    client: Client, organisation: Organisation
) -> None:
    page = client.get(address(organisation, "choice")).content.decode()

    assert "No transcripts are kept" in page
    assert keep(organisation) == 0
    assert not Transcript.objects.exists()


def test_what_is_kept_is_encrypted_and_ends(chosen: Organisation) -> None:
    assert keep(chosen) == 1

    row = Transcript.objects.get()
    assert "Hello" not in row.sealed_answer
    assert decrypt(row.sealed_answer) == BACK.decode()
    assert row.expires_at - row.created_at == timedelta(days=7)


def test_a_transcript_that_comes_twice_is_kept_once(chosen: Organisation) -> None:
    keep(chosen)
    keep(chosen)

    assert Transcript.objects.count() == 1


def test_an_owner_reads_one_and_that_is_recorded(
    client: Client, chosen: Organisation
) -> None:
    keep(chosen, is_answer_cut=True)

    answer = client.get(address(chosen, "transcript", "req_1"))

    page = answer.content.decode()
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page
    assert "Hello there!</" in page
    # Each of its values on a line of its own, in what is sent back as well.
    assert "\n  &quot;choices&quot;: [\n" in page
    assert page.count("Only the first megabyte was kept.") == 1
    assert "no-store" in answer["Cache-Control"]
    record = Record.objects.get(action="transcript.read")
    assert record.target == "req_1"


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("member", 403)]
)
def test_only_who_may_choose_reads(
    client: Client,
    person: Callable[..., Any],
    chosen: Organisation,
    role: str,
    status: int,
) -> None:
    keep(chosen)
    bo = person("bo")
    Membership.objects.create(organisation=chosen, user=bo, role=role)
    client.force_login(bo)

    assert client.get(address(chosen, "transcript", "req_1")).status_code == status
    assert Record.objects.filter(action="transcript.read").exists() is (status == 200)


def test_another_organisation_s_is_not_there(
    client: Client, person: Callable[..., Any], chosen: Organisation
) -> None:
    keep(chosen)
    bo = person("bo")
    client.force_login(bo)
    own = personal_organisation(bo)

    assert client.get(address(own, "transcript", "req_1")).status_code == 404
    answer = client.post(address(own, "delete", "req_1"))
    assert answer.status_code == 404
    assert Transcript.objects.exists()


def test_an_expired_one_is_gone_before_it_is_pruned(
    client: Client, chosen: Organisation
) -> None:
    keep(chosen)
    keep(chosen, "req_2")
    Transcript.objects.filter(pk="req_1").update(expires_at=timezone.now())

    assert client.get(address(chosen, "transcript", "req_1")).status_code == 404
    assert services.prune() == 1
    assert list(Transcript.objects.values_list("pk", flat=True)) == ["req_2"]


def test_one_or_all_are_deleted(client: Client, chosen: Organisation) -> None:
    keep(chosen)
    keep(chosen, "req_2")

    client.post(address(chosen, "delete", "req_1"))
    assert Transcript.objects.count() == 1

    client.post(address(chosen, "turn-off"))
    assert not Transcript.objects.exists()
    assert not TranscriptChoice.objects.exists()
    gone = Record.objects.get(action="transcripts.not_kept")
    assert gone.after == {"deleted": 1}


@pytest.mark.parametrize("days", ["0", "31", "", "x"])
def test_other_numbers_of_days_are_refused(
    client: Client, organisation: Organisation, days: str
) -> None:
    answer = client.post(address(organisation, "choice"), {"days": days})

    assert answer.status_code == 422
    assert not TranscriptChoice.objects.exists()


EVENTS = (
    'data: {"choices":[{"delta":{"content":"Hi "}}]}\n\n'
    'data: {"choices":[{"delta":{"content":"you"}}]}\n\ndata: [DONE]\n\n'
)
RESPONSE_EVENTS = (
    "event: response.output_text.delta\n"
    'data: {"type":"response.output_text.delta","delta":"Hi you"}\n\n'
    'data: {"type":"response.completed","response":{"object":"response",'
    '"output":[{"content":[{"text":"Hi you"}]}]}}\n\n'
)


@pytest.mark.parametrize(
    "answer",
    [
        '{"choices":[{"message":{"content":"Hi you"}}]}',
        '{"choices":[{"text":"Hi you"}]}',
        '{"object":"response","output":[{"content":[{"text":"Hi you"}]}]}',
        '{"type":"message","content":[{"type":"text","text":"Hi you"}]}',
        EVENTS,
        RESPONSE_EVENTS,
        'data: {"type":"content_block_delta","delta":{"text":"Hi you"}}\n\n',
    ],
)
def test_the_words_of_an_answer_are_found_in_each_protocol(answer: str) -> None:
    assert said_in(answer) == "Hi you"


@pytest.mark.parametrize("answer", ["", "{", "data: [1]", '{"choices":[7,{"text":8}]}'])
def test_what_says_nothing_says_nothing(answer: str) -> None:
    assert said_in(answer) == ""
