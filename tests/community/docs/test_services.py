from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.utils import timezone

from community.docs.exceptions import BrokenLinks
from community.docs.models import Page, Version, Vote
from community.docs.services import import_version, vote_helpful
from core.errors import RateLimited
from outbox.models import Event
from search.models import IndexEntry
from search.queries import search
from tests.community.docs.conftest import Folder

pytestmark = pytest.mark.django_db

TWO = {"en/index.md": "Hello.", "en/api.md": "Call it.\n\n## Limits\n\nSixty zebras."}


def test_a_folder_becomes_a_version(folder: Folder) -> None:
    root = folder({**TWO, "zh-hans/index.md": "你好。"})

    changed = import_version(root, version="1.0", is_default=True)

    assert changed == {"en": 2, "zh-hans": 1}
    version = Version.objects.get()
    assert (version.slug, version.status, version.is_default) == ("1.0", "stable", True)
    api = Page.objects.get(path="api")
    assert (api.title, api.description) == ("Api", "About Api.")
    assert api.outline == [[2, "limits", "Limits"]]
    assert '<h2 id="limits">' in api.html


def test_an_import_runs_again_without_touching_anything(folder: Folder) -> None:
    root = folder(TWO)
    import_version(root, version="1.0", is_default=True)
    before = list(Page.objects.order_by("pk").values())
    entries = list(IndexEntry.objects.order_by("pk").values())
    events = Event.objects.count()

    changed = import_version(root, version="1.0", is_default=True)

    assert changed == {"en": 0}
    assert list(Page.objects.order_by("pk").values()) == before
    assert list(IndexEntry.objects.order_by("pk").values()) == entries
    assert Event.objects.count() == events


def test_only_the_page_that_changed_is_edited(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    Page.objects.update(updated_at=timezone.now() - timedelta(days=9))

    changed = import_version(folder({**TWO, "en/index.md": "Hi."}), version="1.0")

    assert changed == {"en": 1}
    fresh = Page.objects.filter(updated_at__gt=timezone.now() - timedelta(hours=1))
    assert [page.path for page in fresh] == ["index"]


def test_a_page_that_vanished_is_shown_and_found_no_more(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    assert search(AnonymousUser(), "zebras")

    changed = import_version(folder({"en/index.md": "Hello."}), version="1.0")

    assert changed == {"en": 1}
    assert [page.path for page in Page.objects.published()] == ["index"]
    assert search(AnonymousUser(), "zebras") == []


def test_a_page_that_came_back_is_shown_again(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    import_version(folder({"en/index.md": "Hello."}), version="1.0")

    import_version(folder(TWO), version="1.0")

    assert Page.objects.published().count() == 2
    assert search(AnonymousUser(), "zebras")


def test_a_language_that_vanished_goes_with_its_pages(folder: Folder) -> None:
    import_version(folder({**TWO, "zh-hans/index.md": "斑马。"}), version="1.0")

    changed = import_version(folder(TWO), version="1.0")

    assert changed == {"en": 0, "zh-hans": 1}
    assert not Page.objects.published().filter(locale="zh-hans").exists()


def test_broken_links_refuse_the_whole_import(folder: Folder) -> None:
    root = folder({**TWO, "zh-hans/index.md": "[不存在](gone.md)"})

    with pytest.raises(BrokenLinks) as refused:
        import_version(root, version="1.0")

    assert refused.value.details["broken"] == [f"{root}/zh-hans/index.md:6: gone.md"]
    assert not Version.objects.exists()
    assert not Page.objects.exists()


def test_the_command_names_the_file_and_the_line(folder: Folder) -> None:
    root = folder({"en/index.md": "One.\n\n[gone](gone.md#x)"})

    with pytest.raises(CommandError) as refused:
        call_command("docs", "import", str(root), version="1.0")

    assert f"{root}/en/index.md:8: gone.md#x" in str(refused.value)


def test_the_command_says_what_changed(folder: Folder, capsys: Any) -> None:
    call_command("docs", "import", str(folder(TWO)), version="1.0", default=True)

    assert capsys.readouterr().out == "1.0 en: 2 pages changed\n"


def test_a_newer_version_takes_the_place_of_the_older(folder: Folder) -> None:
    import_version(folder(TWO), version="0.9", is_default=True)

    import_version(
        folder({"en/index.md": "New."}, "new"), version="1.0", is_default=True
    )

    states = dict(Version.objects.values_list("slug", "is_default"))
    assert states == {"0.9": False, "1.0": True}
    labels = IndexEntry.objects.filter(version="0.9").values_list("labels", flat=True)
    assert set(map(tuple, labels)) == {()}


def test_making_an_old_version_current_relabels_it(folder: Folder) -> None:
    import_version(folder(TWO), version="0.9")

    import_version(folder(TWO), version="0.9", is_default=True)

    labels = IndexEntry.objects.values_list("labels", flat=True)
    assert set(map(tuple, labels)) == {("current",)}
    assert Version.objects.get().status == Version.Status.STABLE


def test_versions_are_ordered_by_number_not_by_letter(folder: Folder) -> None:
    root = folder(TWO)

    for version in ("1.9", "1.10", "0.9"):
        import_version(root, version=version)

    assert [version.slug for version in Version.objects.all()] == ["1.10", "1.9", "0.9"]


def test_examples_name_the_site_they_are_read_on(folder: Folder, settings: Any) -> None:
    settings.SITE_URL = "https://ai.example.com"
    root = folder({"en/index.md": "`{{ site_url }}/v1`"})

    import_version(root, version="1.0")

    assert "https://ai.example.com/v1" in Page.objects.get().html


def test_the_links_of_headings_speak_the_pages_language(folder: Folder) -> None:
    import_version(folder({"zh-hans/index.md": "## 标题\n\n文字。"}), version="1.0")

    assert "Link to" not in Page.objects.get().html


def test_a_page_is_voted_on_once_each(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    page = Page.objects.get(path="api")

    vote_helpful(page, voter="user:1", is_helpful=True)
    vote_helpful(page, voter="user:1", is_helpful=True)
    vote_helpful(page, voter="user:1", is_helpful=False)
    vote_helpful(page, voter="visitor", is_helpful=True)

    page.refresh_from_db()
    assert (page.helpful_yes, page.helpful_no) == (1, 1)
    assert Vote.objects.count() == 2


def test_voting_too_often_is_refused_and_changes_nothing(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    page = Page.objects.get(path="api")
    for _ in range(30):
        vote_helpful(page, voter="user:1", is_helpful=True)

    with pytest.raises(RateLimited):
        vote_helpful(page, voter="user:1", is_helpful=False)

    page.refresh_from_db()
    assert (page.helpful_yes, page.helpful_no) == (1, 0)


def test_an_import_is_seen_at_once(
    folder: Folder,
    client: Any,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    assert "Extra" not in client.get("/docs/1.0/api/").content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        import_version(folder({**TWO, "en/extra.md": "More."}), version="1.0")

    assert "Extra" in client.get("/docs/1.0/api/").content.decode()
