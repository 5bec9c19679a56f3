"""Nothing GitHub, or anybody with its secret, may send is poison."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from community.contributions import services
from community.contributions.github import is_merge, read_merge
from community.contributions.models import Contribution, Delivery
from jobs.models import Job
from jobs.services import prune, retry
from jobs.working import sweep
from tests.community.contributions.test_webhook import deliver, merged, sign

ABSENT = object()
VALUES: list[Any] = [
    *(None, ABSENT, [], {}, [[]], True, -1, 0, 7, 10**30, 1.5, -1e300),
    *("", "x", "²", "\ud83d\ude00", "x" * 100_000, "0001-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59-14:00", "javascript:alert(1)"),
]
Path = tuple[str | int, ...]
# What is read; everything else is only walked over.
READ: list[Path] = [
    *(("action",), ("pull_request",), ("repository",), ("pull_request", "merged")),
    *(("pull_request", name) for name in ("number", "title", "html_url", "merged_at")),
    *(("pull_request", "body"), ("pull_request", "user", "type")),
    *(("pull_request", "user"), ("pull_request", "user", "id")),
    *(("pull_request", "user", "login"), ("repository", "id")),
    ("repository", "full_name"),
]


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Yield the way to every value inside ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in inside:
        yield (*here, name)
        if isinstance(part, dict | list):
            yield from paths(part, (*here, name))


def changed(payload: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy with another value, or none, at ``path``."""
    copy: Any = deepcopy(payload)
    place = copy
    for name in path[:-1]:
        place = place[name]
    if value is ABSENT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return dict(copy)


def refusal_of(payload: dict[str, Any]) -> str:
    """Return what is wrong with a payload; nothing when it can be read."""
    try:
        merge = read_merge(payload)
    except ValidationError as error:
        return json.dumps(error.detail)
    return "" if re.fullmatch(r"(https?://\S+)?", merge.url) else "not an address"


def test_every_field_of_a_payload_may_be_anything() -> None:
    payload = json.loads(merged())
    everywhere = list(paths(payload))

    for path in everywhere:
        for value in VALUES:
            odd = changed(payload, path, value)
            if not is_merge("pull_request", odd):
                continue
            wrong = refusal_of(odd)
            assert not wrong or (path in READ and str(path[-1]) in wrong)
    assert len(everywhere) > 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", READ)
def test_whatever_is_sent_ends_done_ignored_or_dead(client: Client, path: Path) -> None:
    payload = json.loads(merged())
    for number, value in enumerate(VALUES):
        body = json.dumps(changed(payload, path, value)).encode()
        answer = deliver(client, body, guid=f"one-{number}")
        assert answer.status_code in {202, 400}, (path, value)
    sweep("contribution")

    jobs = Job.objects.filter(kind="contribution")
    assert not jobs.waiting().exists()
    assert all(str(path[-1]) in job.last_error for job in jobs.filter(state="dead"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "status"),
    [
        (r"a\u0000b", 400),
        (r"a\\u0000b", 202),
        (r"a\\\u0000b", 400),
        (r"a\ud800b", 400),
    ],
)
def test_a_nul_or_half_a_character_anywhere_is_refused(
    client: Client, text: str, status: int
) -> None:
    body = merged(body="@@").replace(b"@@", text.encode())

    assert deliver(client, body).status_code == status
    assert Delivery.objects.count() == (1 if status == 202 else 0)


@pytest.mark.django_db
def test_a_deleted_account_earns_nothing_and_is_no_failure(client: Client) -> None:
    deliver(client, merged(user=None))

    sweep("contribution")

    job = Job.objects.get(kind="contribution")
    assert job.state == "ignored"
    assert "account" in job.last_error
    assert Contribution.objects.count() == 0


@pytest.mark.django_db
def test_a_merge_without_its_time_counts_from_when_it_was_heard_of(
    client: Client,
) -> None:
    deliver(client, merged(merged_at=None))

    sweep("contribution")

    delivery = Delivery.objects.get()
    assert Contribution.objects.get().happened_at == delivery.received_at


@pytest.mark.django_db
def test_three_megabytes_are_taken(client: Client) -> None:
    assert deliver(client, merged(body="x" * 3_000_000)).status_code == 202

    assert sweep("contribution") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("guid", ["", "a/b", "²", "x" * 81])
def test_a_delivery_without_a_name_is_told_so(client: Client, guid: str) -> None:
    answer = deliver(client, merged(), guid=guid)

    assert answer.status_code == 400
    assert "X-GitHub-Delivery" in answer.json()["detail"]
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_a_form_is_told_which_content_type_to_choose(client: Client) -> None:
    body = b"payload=%7B%7D"

    answer = client.post(
        "/hooks/github/",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-GitHub-Delivery": "one", "X-Hub-Signature-256": sign(body)},
    )

    assert answer.status_code == 400
    assert "application/json" in answer.json()["detail"]


@pytest.mark.django_db
def test_stars_and_pushes_leave_only_that_they_came(client: Client) -> None:
    deliver(client, merged(), event="star", guid="star")
    deliver(client, merged(merged=False), guid="closed")

    assert sweep("contribution") == 0
    jobs = Job.objects.filter(kind="contribution")
    assert {job.state for job in jobs} == {"ignored"}
    assert [row.payload for row in Delivery.objects.all()] == [{}, {}]

    old = timezone.now() - timedelta(days=31)
    Delivery.objects.update(received_at=old)
    jobs.update(created_at=old, finished_at=old)
    assert prune() == 2
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_trouble_is_told_and_can_be_retried(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(services, "record_merge", fail)
        deliver(client, merged())
        assert sweep("contribution") == 0
    job = Job.objects.get(kind="contribution")

    assert (job.state, job.last_error) == (
        "waiting",
        "RuntimeError: the database is away",
    )
    retry(Job.objects.filter(pk=job.pk))
    assert sweep("contribution") == 1
    assert Contribution.objects.count() == 1
