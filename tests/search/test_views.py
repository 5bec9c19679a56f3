from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from community.forum.models import Visibility
from community.forum.services import hide_post
from search.models import IndexEntry
from stores.redis import client as redis
from stores.redis import prefixed
from tests.factories import forum
from tests.search.conftest import Put

pytestmark = pytest.mark.django_db


def test_a_search_shows_what_was_found_and_why(client: Client, put: Put) -> None:
    put("Rotating keys", "Rotate your <b>keys</b> monthly.", url="/docs/keys/")

    page = client.get("/search/", {"q": "rotate keys"}).content.decode()

    assert '<a href="/docs/keys/">Rotating keys</a>' in page
    assert "<mark>Rotate</mark> your &lt;b&gt;<mark>keys</mark>&lt;/b&gt;" in page


@pytest.mark.parametrize("visibility", Visibility.values)
@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
def test_a_topic_is_found_by_those_who_may_read_it_and_by_nobody_else(
    client: Client, person: Any, visibility: str, who: str
) -> None:
    root = person("root", is_staff=True)
    forum.topic(
        root,
        category=forum.category(visibility),
        title="Zeppelins over the harbour",
        text="They carry the secret mail.",
    )
    if who != "stranger":
        client.force_login(root if who == "staff" else person("member"))
    sees = who == "staff" or (
        visibility == "public" or (visibility == "members" and who == "member")
    )

    for query in ("zeppelins", "secret mail", "zepp", '"secret mail"'):
        page = client.get("/search/", {"q": query}).content.decode()
        assert ("over the harbour" in page) is sees, query
        assert ("carry the" in page) is sees, query
        live = client.get(
            "/search/", {"q": query, "live": "1"}, headers={"HX-Request": "true"}
        ).content.decode()
        assert ("over the harbour" in live) is sees, query


def test_a_hidden_topic_is_found_by_nobody(client: Client, person: Any) -> None:
    root = person("root", is_staff=True)
    topic = forum.topic(root, title="Zeppelins over the harbour")
    before = client.get("/search/?q=zeppelins").content.decode()

    hide_post(topic.posts.get(number=1), by=root, reason="spam")

    assert "over the harbour" in before
    after = client.get("/search/?q=zeppelins").content.decode()
    assert "over the harbour" not in after


def test_pages_keep_the_words_the_kind_and_the_filter(client: Client, put: Put) -> None:
    for number in range(45):
        put(f"zeppelin {number}", labels=("solved",))
    seen: list[str] = []
    url = "/search/?q=zeppelin&kind=topic&solved=1"

    for _ in range(3):
        answer = client.get(url)
        seen += [hit.title for hit in answer.context["hits"].items]
        cursor = answer.context["hits"].next_cursor
        url = f"/search/?{answer.context['query']}&cursor={cursor}"

    assert len(set(seen)) == 45
    assert "kind=topic" in url
    assert "solved=1" in url
    assert client.get("/search/?q=zeppelin&cursor=x").status_code == 400


def test_a_live_search_is_a_fragment_with_an_address_to_keep(
    client: Client, put: Put
) -> None:
    put("zeppelin")

    answer = client.get(
        "/search/",
        {"q": "zeppelin", "kind": "topic", "live": "1"},
        headers={"HX-Request": "true"},
    )

    assert "<html" not in answer.content.decode()
    assert answer["HX-Replace-Url"] == "/search/?q=zeppelin&kind=topic"


def test_nothing_found_offers_to_ask(client: Client) -> None:
    page = client.get("/search/", {"q": "<zeppelin>"}).content.decode()

    assert "/forum/new/?title=%3Czeppelin%3E" in page
    assert "&lt;zeppelin&gt;" in page


def test_too_many_searches_are_asked_to_wait(client: Client) -> None:
    statuses = [client.get("/search/?q=x").status_code for _ in range(90)]

    # One is given back each second the test takes.
    assert statuses[:60] == [200] * 60
    assert 429 in statuses[60:]


@settings(
    max_examples=80,
)
@given(
    wanted=st.text(max_size=300)
    | st.text(st.sampled_from("\0'\"\\&|!<->():*% 中文ab"), max_size=80),
    kind=st.sampled_from(["", "topic", "doc", "nonsense", "\0"]),
)
def test_nothing_anybody_types_is_an_error(
    client: Client, put: Put, wanted: str, kind: str
) -> None:
    put("中文 a b", "ab 'quoted' \\ text")
    redis().delete(*redis().keys(f"{prefixed('limit:search')}*") or ["none"])

    answer = client.get("/search/", {"q": wanted, "kind": kind})

    is_readable = "\0" not in wanted and kind in {"", "topic", "doc"}
    assert answer.status_code == (200 if is_readable else 400)


def test_the_index_is_rebuilt_from_what_it_points_at(person: Any) -> None:
    topic = forum.topic(person("ada"), title="Zeppelins over the harbour")
    before = IndexEntry.objects.filter(kind="topic").values("title", "url", "audience")
    kept = list(before)
    IndexEntry.objects.filter(object_id=topic.pk).update(title="stale")
    IndexEntry.objects.create(
        kind="topic", object_id=999_999, title="orphan", text="", vector="", url="/"
    )
    IndexEntry.objects.create(
        kind="other", object_id=1, title="other", text="", vector="", url="/"
    )

    call_command("search", "reindex", "--kind", "topic")

    assert list(before.all()) == kept
    assert IndexEntry.objects.filter(kind="other").exists()


def test_staff_see_what_was_not_found_and_ask_it(client: Client, person: Any) -> None:
    from activity.services import flush_buffer

    client.defaults["HTTP_USER_AGENT"] = "Mozilla/5.0 Firefox/140.0"
    forum.topic(person("ada"), title="A zeppelin over the harbour")
    for query in ("Balloon", "balloon", "zeppelin", "zeppelin balloon"):
        client.get("/search/", {"q": query})
    client.get("/search/", {"q": "ball", "live": "1"}, headers={"HX-Request": "true"})
    flush_buffer()
    client.force_login(person("root", is_staff=True))

    page = client.get("/staff/operations/misses/")

    misses = page.context["misses"]
    assert [(miss.is_empty, miss.times) for miss in misses] == [(True, 2), (False, 1)]
    assert "/forum/new/?title=" in page.content.decode()
