"""What the REST API promises of every endpoint, whoever wrote it."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.serializers import BaseSerializer

from accounts.idempotency import PATIENCE, prune_calls
from accounts.models import IdempotentCall
from accounts.tokens import create_token
from community.forum.models import Topic
from config import api
from edge.rest import StrictSerializer
from inference.keys.models import ApiKey
from operations.schema import describe, reference
from tests.factories import forum
from tests.pages import said_by

JSON = "application/json"
KEYS = "/api/v1/organisations/ada/keys/"


@pytest.fixture
def ada(person: Callable[..., Any]) -> Any:
    return person("ada")


@pytest.fixture
def bearer(ada: Any) -> dict[str, str]:
    _token, secret = create_token(ada, name="CI", scopes=["forum:write", "keys:write"])
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def a_topic(db: None) -> dict[str, str]:
    return {
        "category": forum.category().slug,
        "title": "How do I begin?",
        "text": "Tell me.",
    }


def test_the_schema_is_complete_and_every_address_is_in_it() -> None:
    schema = describe()

    assert schema["openapi"] == "3.1.0"
    assert len(schema["paths"]) == len(api.v1)
    assert {"ErrorSerializer", "Error"} & set(schema["components"]["schemas"])


def test_openapi_writes_json_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("openapi")

    out, err = capsys.readouterr()
    assert json.loads(out)["info"]["title"] == "Doorstone REST API"
    assert err == ""


def test_every_endpoint_that_writes_refuses_unknown_fields() -> None:
    loose = [
        (operation["operationId"], name)
        for operation, name in _bodies(describe())
        if not issubclass(_serializer(name), StrictSerializer)
    ]

    assert loose == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/api/v1/topics/?category=help&category=show", "category"),
        ("/api/v1/search/?q=key&q=token", "q"),
        ("/api/v1/models/?cursor=&cursor=", "cursor"),
    ],
)
def test_a_parameter_given_twice_is_refused_since_one_would_be_ignored(
    client: Client, address: str, name: str
) -> None:
    answer = client.get(address)

    assert answer.status_code == 400
    told = {"message": "Give it once.", "code": "repeated"}
    assert answer.json()["errors"] == {name: [told]}


@pytest.mark.django_db
def test_the_reference_page_shows_every_operation_without_script(
    client: Client,
) -> None:
    page = client.get("/api/docs/")

    text = page.content.decode()
    ids = [operation.id for group in reference() for operation in group.operations]
    assert page.status_code == 200
    assert len(ids) >= 15
    assert [name for name in ids if f'id="{name}"' not in text] == []
    assert "cdn" not in said_by(page)
    assert "unsafe" not in page["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_repeated_post_is_done_once_and_answered_the_same(
    client: Client, bearer: dict[str, str], a_topic: dict[str, str]
) -> None:
    headers = {**bearer, "Idempotency-Key": "one"}

    first = client.post("/api/v1/topics/", a_topic, JSON, headers=headers)
    second = client.post("/api/v1/topics/", a_topic, JSON, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Topic.objects.count() == 1


@pytest.mark.django_db
def test_a_key_cannot_stand_for_another_body_or_another_address(
    client: Client, bearer: dict[str, str], a_topic: dict[str, str]
) -> None:
    headers = {**bearer, "Idempotency-Key": "one"}
    client.post("/api/v1/topics/", a_topic, JSON, headers=headers)

    changed = client.post(
        "/api/v1/topics/", {**a_topic, "text": "Else."}, JSON, headers=headers
    )
    elsewhere = client.post(KEYS, a_topic, JSON, headers=headers)

    assert (changed.status_code, elsewhere.status_code) == (422, 422)
    assert changed.json()["code"] == "idempotency_key_reused"
    assert Topic.objects.count() == 1


@pytest.mark.django_db
def test_two_callers_may_use_the_same_key(
    client: Client,
    bearer: dict[str, str],
    a_topic: dict[str, str],
    person: Callable[..., Any],
) -> None:
    _token, secret = create_token(person("ben"), name="x", scopes=["forum:write"])
    theirs = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"}

    client.post(
        "/api/v1/topics/", a_topic, JSON, headers={**bearer, "Idempotency-Key": "one"}
    )
    other = client.post("/api/v1/topics/", a_topic, JSON, headers=theirs)

    assert other.status_code == 201
    assert Topic.objects.count() == 2


@pytest.mark.django_db
def test_a_refusal_is_not_kept(
    client: Client, bearer: dict[str, str], a_topic: dict[str, str]
) -> None:
    headers = {**bearer, "Idempotency-Key": "one"}

    refused = client.post("/api/v1/topics/", {}, JSON, headers=headers)
    made = client.post("/api/v1/topics/", a_topic, JSON, headers=headers)

    assert (refused.status_code, made.status_code) == (400, 201)


@pytest.mark.django_db
def test_a_secret_in_a_kept_answer_is_encrypted(
    client: Client, bearer: dict[str, str]
) -> None:
    headers = {**bearer, "Idempotency-Key": "one"}

    first = client.post(KEYS, {"name": "CI"}, JSON, headers=headers).json()
    second = client.post(KEYS, {"name": "CI"}, JSON, headers=headers).json()

    assert first["secret"] == second["secret"]
    assert ApiKey.objects.count() == 1
    assert first["secret"] not in IdempotentCall.objects.get().answer


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "with space", "x" * 129])
def test_a_malformed_key_is_refused(
    key: str, client: Client, bearer: dict[str, str]
) -> None:
    headers = {**bearer, "Idempotency-Key": key}

    refused = client.post(KEYS, {"name": "CI"}, JSON, headers=headers)

    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid_idempotency_key"
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db
def test_a_call_that_never_ended_is_not_done_again(
    client: Client, bearer: dict[str, str], ada: Any
) -> None:
    headers = {**bearer, "Idempotency-Key": "one"}
    client.post(KEYS, {"name": "CI"}, JSON, headers=headers)
    call = IdempotentCall.objects.get()
    IdempotentCall.objects.update(status=None, answer="")

    running = client.post(KEYS, {"name": "CI"}, JSON, headers=headers)
    IdempotentCall.objects.update(created_at=call.created_at - 2 * PATIENCE)
    lost = client.post(KEYS, {"name": "CI"}, JSON, headers=headers)

    assert (running.status_code, running["Retry-After"]) == (409, "1")
    assert running.json()["code"] == "idempotency_in_progress"
    assert lost.json()["code"] == "idempotency_outcome_unknown"
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_free_again_after_a_day(
    client: Client, bearer: dict[str, str], a_topic: dict[str, str]
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    headers = {**bearer, "Idempotency-Key": "one"}
    client.post("/api/v1/topics/", a_topic, JSON, headers=headers)
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))

    another = {**a_topic, "title": "And how do I end?", "text": "Tell me that too."}
    again = client.post("/api/v1/topics/", another, JSON, headers=headers)

    assert again.status_code == 201
    assert Topic.objects.count() == 2
    assert prune_calls() == 0
    assert IdempotentCall.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_repeats_only_one_is_done(
    bearer: dict[str, str], a_topic: dict[str, str]
) -> None:
    from django.db import connection

    start = threading.Barrier(6)
    statuses: list[int] = []

    def call() -> None:
        start.wait()
        answer = Client().post(
            "/api/v1/topics/",
            a_topic,
            JSON,
            headers={**bearer, "Idempotency-Key": "one"},
        )
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Topic.objects.count() == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses


@pytest.mark.django_db
def test_the_limit_is_told_in_every_answer_and_ends_in_a_429(
    client: Client, settings: Any
) -> None:
    settings.REST_CALLS_PER_MINUTE = {"person": 5, "address": 2}

    answers = [client.get("/api/v1/plans/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"calls";q=2;w=60'
    assert answers[0]["RateLimit"] == '"calls";r=1;t=30'
    assert answers[1]["RateLimit"].startswith('"calls";r=0;t=')
    assert answers[2].json()["code"] == "rate_limited"
    assert 29 <= int(answers[2]["Retry-After"]) <= 30
    assert answers[2]["RateLimit"].startswith('"calls";r=0;t=')


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("get", "/api/v1/nothing/", "", 404, "not_found"),
        ("get", "/api/v1/topics/999999/posts/", "", 404, "not_found"),
        ("get", "/api/v1/topics/?cursor=tampered", "", 400, "bad_cursor"),
        ("put", "/api/v1/topics/", "{}", 405, "method_not_allowed"),
        ("post", "/api/v1/topics/", "{", 400, "parse_error"),
        ("post", "/api/v1/topics/", "{}", 400, "invalid"),
    ],
)
def test_errors_have_one_shape(
    method: str,
    path: str,
    body: str,
    status: int,
    code: str,
    client: Client,
    bearer: dict[str, str],
) -> None:
    answer = client.generic(method.upper(), path, body, JSON, headers=bearer)

    assert answer.status_code == status
    assert answer["Content-Type"] == JSON
    assert answer.json()["code"] == code
    assert answer.json()["detail"]
    assert answer["X-Request-ID"].startswith("req_")


@pytest.mark.django_db
def test_a_bug_is_answered_in_the_same_shape(
    bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("billing.plans.api.offers", lambda: 1 / 0)

    answer = client.get("/api/v1/plans/", headers=bearer)

    assert answer.status_code == 500
    assert answer.json()["code"] == "server_error"


def _bodies(schema: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    found = []
    for methods in schema["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {})
            if JSON in content:
                name = content[JSON]["schema"]["$ref"].rsplit("/", 1)[-1]
                found.append((operation, name))
    return found


def _serializer(name: str) -> type[BaseSerializer[Any]]:
    def below(kind: type[Any]) -> list[type[Any]]:
        return [kind, *(sub for each in kind.__subclasses__() for sub in below(each))]

    # The description has a name of its own for what may be sent in part.
    wanted = f"{name.removeprefix('Patched')}Serializer"
    found = [kind for kind in below(BaseSerializer) if kind.__name__ == wanted]
    assert len(found) == 1
    return found[0]
