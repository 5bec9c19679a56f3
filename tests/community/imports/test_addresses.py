"""Addresses of before lead on, as far as the reader may see."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from community.forum.models import Category, Topic, Visibility
from community.imports.addresses import read_old
from community.imports.services import ImportOutcome
from tests.community.imports.exports import (
    POSTS,
    answer,
    discourse,
    discussion,
    github,
    post_row,
    question,
    stackexchange,
)

pytestmark = pytest.mark.django_db
Bring = Callable[..., ImportOutcome]


def lead(client: Client, path: str) -> str:
    answer = client.get(f"/old/meta/{path}")
    return answer["Location"] if answer.status_code == 301 else str(answer.status_code)


def test_addresses_of_discourse_lead_on(
    bring: Bring, tmp_path: Path, client: Client
) -> None:
    path = discourse(
        tmp_path,
        posts=(POSTS, [post_row(10, 1, 1), post_row(11, 1, 4)]),
        tags=("id, name", [[1, "c++"]]),
        topic_tags=("topic_id, tag_id", [[1, 1]]),
    )
    bring("discourse", path)
    topic = Topic.objects.get().get_absolute_url()

    assert lead(client, "t/how-do-i/1") == topic
    assert lead(client, "t/1") == topic
    assert lead(client, "t/how-do-i/1/4") == f"{topic}?n=4#post-4"
    assert lead(client, "p/11").endswith("#post-4")
    assert lead(client, "c/help/1") == "/forum/c/help/"
    assert lead(client, "tag/c++") == "/forum/tag/c-plus-plus/"
    assert lead(client, "t/how/2") == "404"
    assert lead(client, "t/how/9999999999999999999999") == "404"
    assert lead(client, "u/ada") == "404"
    assert client.get("/old/other/t/1").status_code == 404


def test_addresses_of_stack_exchange_lead_on(
    bring: Bring, tmp_path: Path, client: Client
) -> None:
    bring("stackexchange", stackexchange(tmp_path, [question(1), answer(2, 1)]))
    topic = Topic.objects.get().get_absolute_url()

    assert lead(client, "questions/1/what-is-this") == topic
    assert lead(client, "q/1/77") == topic
    assert lead(client, "a/2/77").endswith("#post-2")
    assert lead(client, "questions/1/what/2").endswith("#post-2")
    assert lead(client, "questions/1/what/99") == topic
    assert lead(client, "questions/tagged/c%23") == "/forum/tag/c-sharp/"


def test_addresses_of_github_lead_on(
    bring: Bring, tmp_path: Path, client: Client
) -> None:
    bring("github", github(tmp_path / "x.json", [discussion(7)]))
    topic = Topic.objects.get().get_absolute_url()

    assert lead(client, "discussions/7") == topic
    assert lead(client, "owner/name/discussions/7") == topic
    assert lead(client, "discussions/8") == "404"


def test_what_may_not_be_seen_is_not_there(
    bring: Bring, tmp_path: Path, client: Client, person: Callable[..., Any]
) -> None:
    bring("discourse", discourse(tmp_path))
    Category.objects.update(visibility=Visibility.STAFF)

    assert (
        lead(client, "t/x/1") == lead(client, "p/10") == lead(client, "c/x/1") == "404"
    )
    client.force_login(person("mod", is_moderator=True))
    assert lead(client, "t/x/1").startswith("/forum/t/")

    Category.objects.update(visibility=Visibility.PUBLIC)
    client.logout()
    Topic.objects.update(hidden_at=timezone.now())
    assert lead(client, "t/x/1") == lead(client, "p/10") == "404"


def test_an_answer_is_not_kept_by_anybody_in_between(
    bring: Bring, tmp_path: Path, client: Client
) -> None:
    bring("discourse", discourse(tmp_path))

    assert client.get("/old/meta/t/1")["Cache-Control"] == "private, no-cache"


def test_words_that_look_like_an_address_name_nothing() -> None:
    for path in ("", "/", "t/", "t/x", "t/x/1/2/3/4", "questions/", "\n", "t/x/1\n"):
        assert read_old("discourse", path) is None
