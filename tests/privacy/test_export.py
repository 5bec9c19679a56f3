"""The copy of a person's data: what is in it, who gets it, how often and how long."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.queries import personal_organisation
from audit.models import Record
from billing.conversion.people import export_person
from billing.conversion.services import record_sign_up
from community.conversations.services import create_conversation
from core.errors import RateLimited
from jobs.services import prune
from jobs.working import sweep
from notifications.models import EmailMessage, Kind, Notification
from privacy import packing, services
from privacy.models import DataExport, DataExportPart
from privacy.registry import parts, register_part
from tests.factories import forum, playground
from tests.factories.inference import key_of
from tests.factories.privacy import export_of
from tests.signing_in import age_sign_in, browser_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    assert len(content) == int(answer.headers["Content-Length"])
    return zipfile.ZipFile(io.BytesIO(content))


def rows(file: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read(f"{name}.ndjson").splitlines()]


def test_a_copy_is_asked_for_made_told_of_and_fetched(person: Person) -> None:
    ada = person("ada")
    browser = browser_of(ada)

    asked = browser.post("/settings/data/")
    assert asked.status_code == 302
    assert "It is being made" in browser.get("/settings/data/").content.decode()
    sweep("export")

    export = DataExport.objects.get()
    told = Notification.objects.get(user=ada)
    assert (told.kind, told.url) == (Kind.SECURITY, "/settings/data/")
    assert EmailMessage.objects.filter(user=ada, kind=Kind.SECURITY).exists()
    page = browser.get("/settings/data/").content.decode()
    address = f"/settings/data/{export.pk}/download/"
    assert f'action="{address}"' in page
    answer = browser.post(address)
    assert answer.headers["Cache-Control"] == "private, no-store"
    file = opened(answer)
    assert file.testzip() is None
    assert set(file.namelist()) == {
        "README.txt",
        *(f"{name}.ndjson" for name in parts()),
    }
    actions = Record.objects.filter(actor=ada).values_list("action", flat=True)
    assert list(actions.order_by("pk")) == [
        "person.data_requested",
        "person.data_downloaded",
    ]


def test_it_holds_what_staff_can_export_and_what_its_person_wrote(
    person: Person,
) -> None:
    ada, ben = person("ada", display_name="艾达"), person("ben")
    record_sign_up(ada.pk)
    forum.topic(ada, text="It does not say \ud800.".encode("utf-8", "ignore").decode())
    create_conversation([ben], by=ada, title="Keys", text="Only for Ben.")
    create_conversation([ada], by=ben, title="Mine", text="What Ben wrote.")
    playground.chat(ada, "A question of mine.")
    key_of(personal_organisation(ada), ada, name="Website")
    token, secret = tokens.create_token(ada, name="CI", scopes=["read"])

    with_content = zipfile.ZipFile(io.BytesIO(b"".join(packing.pieces_of(ada))))

    staff = [json.dumps(row, cls=DjangoJSONEncoder) for row in export_person(ada)]
    assert rows(with_content, "way") == [json.loads(line) for line in staff]
    assert rows(with_content, "account")[0]["display_name"] == "艾达"
    assert [row["text"] for row in rows(with_content, "messages")] == ["Only for Ben."]
    assert rows(with_content, "forum")[0]["source_md"].startswith("It does not say")
    assert "A question of mine." in [row["text"] for row in rows(with_content, "chats")]
    assert rows(with_content, "api_keys")[0]["name"] == "Website"
    everything = b"".join(with_content.read(name) for name in with_content.namelist())
    for hidden in (secret, token.digest, ada.password, "What Ben wrote."):
        assert hidden.encode() not in everything


def test_nobody_else_gets_it_and_nobody_after_its_days(
    person: Person,
) -> None:
    ada = person("ada")
    export = export_of(ada)
    address = f"/settings/data/{export.pk}/download/"

    for stranger in (person("ben"), person("root", is_staff=True, is_superuser=True)):
        assert browser_of(stranger).post(address).status_code == 404
    assert Client().post(address).status_code == 302
    assert browser_of(ada).get(address).status_code == 405
    long_ago = timezone.now() - timedelta(days=7, minutes=1)
    DataExport.objects.update(asked_at=long_ago)
    assert browser_of(ada).post(address).status_code == 404


def test_a_download_asks_for_the_password_again(person: Person) -> None:
    ada = person("ada")
    export = export_of(ada)
    browser = browser_of(ada)
    age_sign_in(browser, minutes=10)

    for address in ("/settings/data/", f"/settings/data/{export.pk}/download/"):
        answer = browser.post(address)
        assert "reauthenticate" in answer.headers["Location"], address


def test_what_waits_is_not_asked_for_twice_and_two_a_day_are_enough(
    person: Person,
) -> None:
    ada = person("ada")
    first = services.create_export(ada)
    assert services.create_export(ada) == first
    services.prepare_export(first)
    export_of(ada)

    with pytest.raises(RateLimited) as refusal:
        services.create_export(ada)

    assert 86_000 < refusal.value.retry_after <= 86_400
    assert DataExport.objects.count() == 2
    answer = browser_of(ada).post("/settings/data/")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 86_000
    assert "2 copies a day" in answer.content.decode()
    DataExport.objects.filter(pk=first.pk).update(
        asked_at=timezone.now() - timedelta(days=1, minutes=1)
    )
    assert services.create_export(ada).ready_at is None


def test_it_is_made_once_and_in_pieces(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "PIECE", 100)
    ada = person("ada")
    export = export_of(ada)
    pieces = DataExportPart.objects.filter(export=export).count()

    services.prepare_export(export)

    assert pieces > 5
    assert DataExportPart.objects.filter(export=export).count() == pieces
    answer = browser_of(ada).post(f"/settings/data/{export.pk}/download/")
    assert opened(answer).testzip() is None


def test_the_night_takes_what_is_over(person: Person) -> None:
    ada = person("ada")
    services.create_export(ada)
    sweep("export")
    services.create_export(ada)
    sweep("export")
    first = DataExport.objects.earliest("pk")
    long_ago = timezone.now() - timedelta(days=8)
    DataExport.objects.filter(pk=first.pk).update(asked_at=long_ago)
    from jobs.models import Job

    Job.objects.filter(kind="export", subject=str(first.pk)).update(
        created_at=long_ago, finished_at=long_ago
    )

    prune()

    assert not DataExport.objects.filter(pk=first.pk).exists()
    assert not DataExportPart.objects.filter(export=first.pk).exists()
    assert DataExport.objects.count() == 1


def test_a_name_is_one_part_alone() -> None:
    with pytest.raises(ValueError, match="account"):
        register_part("account", lambda _user: [])
