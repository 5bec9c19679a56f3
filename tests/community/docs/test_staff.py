"""Where staff look after versions and see which pages did not help."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Record
from community.docs import services
from community.docs.models import Page, Version
from search.models import IndexEntry
from tests.community.docs.conftest import Folder
from tests.forms import send

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, person: Any, folder: Folder) -> Client:
    """Two versions, and the browser of somebody who may look after them."""
    pages = {
        "en/index.md": "Hello.",
        "en/keys.md": "A key.",
        "zh-hans/keys.md": "密钥。",
    }
    services.import_version(folder(pages), version="1.0", is_default=True)
    services.import_version(folder({"en/index.md": "Old."}), version="0.9")
    client.force_login(person("root", is_staff=True))
    return client


def version(slug: str) -> Version:
    return Version.objects.get(slug=slug)


def test_what_comes_after_the_current_version_is_a_preview(
    staff: Client, folder: Folder
) -> None:
    services.import_version(folder({"en/index.md": "New."}), version="1.10")

    assert version("1.10").status == "preview"
    assert version("0.9").status == "old"
    assert version("1.0").status == "stable"
    services.make_default(version("1.10"))
    assert (version("1.10").status, version("1.0").status) == ("stable", "old")


def test_versions_and_the_pages_that_did_not_help_are_listed(staff: Client) -> None:
    for slug, locale, votes in (("index", "en", "ny"), ("keys", "zh-hans", "nnn")):
        page = Page.objects.get(version__slug="1.0", path=slug, locale=locale)
        for number, vote in enumerate(votes):
            services.vote_helpful(page, voter=f"v{number}", is_helpful=vote == "y")

    staff.get("/staff/docs/")
    with CaptureQueriesContext(connection) as many:
        answer = staff.get("/staff/docs/")

    rows = [(each.path, each.helpful_no) for each in answer.context["page"].items]
    assert rows == [("keys", 3), ("index", 1)]
    counted = [(v.slug, v.page_count, v.locales) for v in answer.context["versions"]]
    assert counted == [("1.0", 3, ["en", "zh-hans"]), ("0.9", 1, ["en"])]
    assert "/docs/1.0/keys/?lang=zh-hans" in answer.content.decode()
    Page.objects.filter(path="keys").update(removed_at="2026-01-01T00:00Z")
    with CaptureQueriesContext(connection) as few:
        after = staff.get("/staff/docs/")
    assert [each.path for each in after.context["page"].items] == ["index"]
    assert [v.page_count for v in after.context["versions"]] == [1, 1]
    assert len(few) == len(many)


def test_a_version_is_relabelled_and_ended_and_that_is_on_record(staff: Client) -> None:
    sent = send(
        staff, "/staff/docs/0.9/", "label", label="0.9 (long term)", status="stable"
    )

    assert sent.status_code == 302
    assert (version("0.9").label, version("0.9").status) == (
        "0.9 (long term)",
        "stable",
    )
    record = Record.objects.get(action="docs.edited")
    assert (str(record.actor), record.target) == ("root", "docs:0.9")
    assert record.before == {"label": "0.9", "status": "old"}


@pytest.mark.parametrize("label", ["", "x" * 41, "\u3164\u3164"])
def test_a_label_nobody_can_read_is_refused_and_kept_in_the_field(
    staff: Client, label: str
) -> None:
    answer = staff.post("/staff/docs/0.9/", {"label": label, "status": "old"})

    assert answer.status_code == 422
    assert answer.context["form"]["label"].value() == label
    assert version("0.9").label == "0.9"


def test_another_version_is_shown_at_docs(staff: Client) -> None:
    staff.post("/staff/docs/0.9/", {"act": "default"})

    assert version("0.9").is_default
    assert not version("1.0").is_default
    labels = IndexEntry.objects.filter(kind="doc", version="0.9")
    assert [entry.labels for entry in labels] == [["current"]]
    assert Record.objects.filter(action="docs.default", target="docs:0.9").exists()


def test_a_version_is_removed_but_not_the_one_people_read(staff: Client) -> None:
    refused = staff.post("/staff/docs/1.0/", {"act": "remove"})
    removed = staff.post("/staff/docs/0.9/", {"act": "remove"})

    assert (refused.status_code, removed.status_code) == (409, 302)
    assert "Make another the default first." in refused.content.decode()
    assert [each.slug for each in Version.objects.all()] == ["1.0"]
    assert not IndexEntry.objects.filter(kind="doc", version="0.9").exists()
    assert Record.objects.get(action="docs.removed").before == {"pages": 1}


def test_the_version_people_read_stays_stable(staff: Client) -> None:
    staff.post("/staff/docs/1.0/", {"label": "One", "status": "old"})

    assert (version("1.0").label, version("1.0").status) == ("One", "stable")


def test_nobody_but_staff_looks_after_versions(client: Client, person: Any) -> None:
    client.force_login(person("mod", is_moderator=True))

    assert client.get("/staff/docs/").status_code == 403
