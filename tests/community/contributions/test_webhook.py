"""GitHub's deliveries: a real payload, signed, and all that can be wrong with it."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Identity, User
from accounts.services import link_identity
from community.contributions import views
from community.contributions.models import Contribution, Delivery
from community.reputation.models import Balance, Entry
from jobs.models import Job
from jobs.services import retry
from jobs.working import sweep, work
from tests.races import together

PAYLOAD = Path(__file__).parent / "payloads" / "pull_request.closed.json"
SECRET = "test-github-secret"
AUTHOR = "21031067"


def merged(**changes: Any) -> bytes:
    payload = json.loads(PAYLOAD.read_text())
    payload["pull_request"] |= {
        "merged": True,
        "merged_at": "2026-11-01T10:00:00Z",
        **changes,
    }
    return json.dumps(payload).encode()


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(
    client: Client,
    body: bytes,
    *,
    guid: str = "one",
    signature: str | None = None,
    event: str = "pull_request",
) -> Any:
    return client.post(
        "/hooks/github/",
        data=body,
        content_type="application/json",
        headers={
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-Hub-Signature-256": sign(body) if signature is None else signature,
        },
    )


@pytest.fixture
def author(person: Any) -> User:
    user: User = person("codertocat")
    Identity.objects.create(
        user=user, provider="github", external_id=AUTHOR, login="Codertocat"
    )
    return user


@pytest.mark.django_db
def test_a_merged_pull_request_is_credited_once_however_often_it_comes(
    client: Client, author: User
) -> None:
    body = merged()

    first = deliver(client, body)
    second = deliver(client, body)
    sweep("contribution")
    deliver(client, body, guid="another")
    sweep("contribution")

    assert (first.status_code, second.status_code) == (202, 202)
    contribution = Contribution.objects.get()
    assert contribution.user == author
    assert contribution.status == Contribution.Status.CONFIRMED
    assert contribution.points == 25
    assert Entry.objects.get().delta == 25
    assert Balance.objects.get(user=author).points == 25
    assert Delivery.objects.get(pk="one").deliveries == 2


@pytest.mark.django_db
def test_one_changed_byte_is_refused_and_nothing_is_stored(client: Client) -> None:
    body = merged()
    changed = body.replace(b'"merged": true', b'"merged": True')

    response = deliver(client, changed, signature=sign(body))

    assert response.status_code == 403
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=abc", "ünsigned"])
def test_a_wrong_signature_is_refused(client: Client, signature: str) -> None:
    assert deliver(client, merged(), signature=signature).status_code == 403
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_a_replaced_secret_still_counts_while_it_is_listed(
    client: Client, settings: Any
) -> None:
    settings.GITHUB_WEBHOOK_SECRETS = ["new", SECRET]

    assert deliver(client, merged()).status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff\xfe"])
def test_a_signed_body_that_is_no_object_is_refused(
    client: Client, body: bytes
) -> None:
    assert deliver(client, body).status_code == 400
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    response = client.post(
        "/hooks/github/",
        data=b"{}",
        content_type="application/json",
        headers={"X-GitHub-Delivery": "one"},
    )
    assert response.status_code == 403

    response = client.post(
        "/hooks/github/",
        data=b" " * (views.MAX_BODY + 1),
        content_type="application/json",
    )
    assert response.status_code == 413
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_a_delivery_may_be_larger_than_a_form(client: Client, settings: Any) -> None:
    body = merged(body="x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    assert deliver(client, body).status_code == 202
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_other_methods_are_not_answered(client: Client) -> None:
    assert client.get("/hooks/github/").status_code == 405


@pytest.mark.django_db
def test_a_pull_request_closed_without_a_merge_earns_nothing(
    client: Client, author: User
) -> None:
    deliver(client, PAYLOAD.read_bytes())

    sweep("contribution")

    assert Job.objects.get(kind="contribution").state == "ignored"
    assert Contribution.objects.count() == 0


@pytest.mark.django_db
def test_a_ping_is_taken_and_ignored(client: Client) -> None:
    assert deliver(client, b'{"zen": "Keep it."}', event="ping").status_code == 202

    sweep("contribution")

    assert Job.objects.get(kind="contribution").state == "ignored"


@pytest.mark.django_db
def test_work_waits_for_its_author_and_is_credited_when_they_link(
    client: Client, person: Any, deliver_outbox: Any
) -> None:
    deliver(client, merged())
    sweep("contribution")
    assert Contribution.objects.get().status == Contribution.Status.PENDING

    late = person("late")
    link_identity(late, provider="github", external_id=AUTHOR, login="Codertocat")
    deliver_outbox()

    contribution = Contribution.objects.get()
    assert contribution.user == late
    assert Balance.objects.get(user=late).points == 25


@pytest.mark.django_db
def test_a_name_alone_earns_nothing(client: Client, person: Any) -> None:
    stranger = person("stranger")
    link_identity(stranger, provider="github", external_id="1", login="Codertocat")

    deliver(client, merged())
    sweep("contribution")

    assert Contribution.objects.get().status == Contribution.Status.PENDING
    assert Entry.objects.count() == 0


@pytest.mark.django_db
def test_a_broken_payload_is_dead_at_once_and_can_be_retried(
    client: Client, author: User
) -> None:
    deliver(client, merged(number=-1))
    sweep("contribution")
    job = Job.objects.get(kind="contribution")
    assert (job.state, job.attempts) == ("dead", 1)
    assert "number" in job.last_error
    assert Contribution.objects.count() == 0

    Delivery.objects.update(payload=json.loads(merged()))
    retry(Job.objects.filter(kind="contribution"))
    sweep("contribution")

    assert Contribution.objects.get().user == author


@pytest.mark.django_db(transaction=True)
def test_two_workers_credit_one_delivery_once(client: Client, author: User) -> None:
    deliver(client, merged())

    together(*[lambda: work("contribution", "one")] * 4)

    assert Entry.objects.count() == 1
    assert Job.objects.get(kind="contribution").attempts == 1


@pytest.mark.django_db
def test_deliveries_out_of_order_end_in_one_contribution(
    client: Client, author: User
) -> None:
    late = json.loads(merged())
    for guid, action in (("c", "labeled"), ("a", "opened"), ("b", "synchronize")):
        body = json.dumps({**late, "action": action}).encode()
        deliver(client, body, guid=guid)
    deliver(client, merged(), guid="d")
    deliver(client, PAYLOAD.read_bytes(), guid="e")
    sweep("contribution")

    assert Contribution.objects.get().points == 25
    assert Entry.objects.count() == 1
    jobs = Job.objects.filter(kind="contribution").order_by("subject")
    states = jobs.values_list("state", flat=True)
    assert list(states) == ["ignored", "ignored", "ignored", "done", "ignored"]


@pytest.mark.django_db
def test_a_renamed_author_and_a_transferred_repository_are_the_same(
    client: Client, author: User
) -> None:
    deliver(client, merged())
    sweep("contribution")
    payload = json.loads(merged())
    payload["repository"] |= {"full_name": "another/home", "name": "home"}
    payload["pull_request"]["user"]["login"] = "renamed"
    deliver(client, json.dumps(payload).encode(), guid="after-the-move")
    sweep("contribution")

    assert Contribution.objects.get().user == author
    assert Balance.objects.get(user=author).points == 25


@pytest.mark.django_db
def test_who_left_is_credited_with_nothing_and_named_as_github_names_them(
    client: Client, author: User
) -> None:
    deliver(client, merged())
    sweep("contribution")
    author.is_active = False
    author.save()
    deliver(client, merged(number=3, title="Written before, merged after"), guid="late")
    sweep("contribution")

    late = Contribution.objects.get(number=3)
    assert (late.status, late.user) == (Contribution.Status.PENDING, None)
    assert Balance.objects.get(user=author).points == 25
    page = client.get("/contributions/").content.decode()
    assert "Codertocat" in page
    assert author.get_absolute_url() not in page
