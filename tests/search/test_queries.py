import time
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from edge.pagination import BadCursor
from search.finding import search, search_page
from search.models import IndexEntry
from search.queries import passages
from search.services import Findable, index, remove, replace
from tests.search.conftest import Put

NOBODY = AnonymousUser()
pytestmark = pytest.mark.django_db


def titles(actor: Any, wanted: str, **choices: Any) -> list[str]:
    return [hit.title for hit in search(actor, wanted, **choices)]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("nobody", {"open"}),
        ("member", {"open", "members"}),
        # As in the forum, of which they look after every category.
        ("moderator", {"open", "members", "staff"}),
        ("staff", {"open", "members", "staff"}),
    ],
)
def test_people_find_what_they_may_see(
    put: Put, person: Any, who: str, expected: set[str]
) -> None:
    put("open", "zeppelin", audience="public")
    put("members", "zeppelin", audience="members")
    put("staff", "zeppelin", audience="staff")
    people = {
        "nobody": NOBODY,
        "member": person("member"),
        "moderator": person("mod", is_moderator=True),
        "staff": person("root", is_staff=True),
    }

    found = search_page(people[who], "zeppelin", page_size=20)

    assert {hit.title for hit in found.items} == expected
    assert found.next_cursor == ""


def test_a_page_is_not_shorter_for_what_is_hidden(put: Put) -> None:
    for number in range(30):
        put(f"zeppelin staff {number}", audience="staff", boost=2.0)
        put(f"zeppelin open {number}")

    assert len(titles(NOBODY, "zeppelin", limit=30)) == 30
    assert all("open" in title for title in titles(NOBODY, "zeppelin", limit=30))


def test_passages_keep_to_their_audiences(put: Put) -> None:
    put("open", "zeppelin", kind="doc")
    put("staff", "zeppelin", kind="doc", audience="staff")

    found = passages(["public"], "what is a zeppelin", kinds=["doc"])

    assert [passage.title for passage in found] == ["open"]


def test_an_object_is_found_once_by_its_best_part(put: Put) -> None:
    put("Deploying", "Where zeppelins land.", object_id=7, part=0)
    put("Deploying", "More.", object_id=7, part=1, heading="Zeppelins", url="/d/#z")
    put("Other", "A zeppelin.", object_id=8)

    hits = search(NOBODY, "zeppelin")

    assert [(hit.object_id, hit.heading) for hit in hits] == [
        (7, "Zeppelins"),
        (8, ""),
    ]
    assert hits[0].url == "/d/#z"


def test_a_title_counts_more_than_a_text_and_a_boost_more_than_none(put: Put) -> None:
    put("Something else", "It mentions zeppelins once.")
    put("Zeppelins in general", "A page about them.")
    put("Zeppelins in version one", "A page about them.", boost=0.5)

    assert titles(NOBODY, "zeppelin") == [
        "Zeppelins in general",
        "Zeppelins in version one",
        "Something else",
    ]


def test_words_that_stand_together_come_first(put: Put) -> None:
    put("far", "rotate " + "something " * 40 + "key")
    put("near", "how to rotate a key " + "something " * 40)

    assert titles(NOBODY, "rotate key") == ["near", "far"]


def test_kind_label_and_language_narrow_it_down(put: Put) -> None:
    put("topic", "zeppelin", kind="topic", labels=("solved",))
    put("doc", "zeppelin", kind="doc", locale="en")
    put("文档", "zeppelin", kind="doc", locale="zh-hans")

    assert titles(NOBODY, "zeppelin", kinds=["topic"]) == ["topic"]
    assert titles(NOBODY, "zeppelin", labels=["solved"]) == ["topic"]
    assert set(titles(NOBODY, "zeppelin", locale="en")) == {"topic", "doc"}


def test_the_readers_language_comes_first_and_the_other_is_still_found(
    put: Put,
) -> None:
    put("English", "zeppelin", kind="doc", locale="en")
    put("中文", "zeppelin", kind="doc", locale="zh-hans")
    put("any", "zeppelin text of a topic")

    found = [
        [hit.title for hit in search_page(NOBODY, "zeppelin", preferred=locale).items]
        for locale in ("en", "zh-hans")
    ]

    assert found[0][-1] == "中文"
    assert found[1][-1] == "English"
    assert {len(titles) for titles in found} == {3}


def test_pages_neither_repeat_nor_skip(put: Put) -> None:
    for number in range(25):
        put(f"zeppelin {number}", "same words, same rank")
        put("parts", "zeppelin", object_id=90_000 + number, part=1)
        put("parts", "zeppelin", object_id=90_000 + number, part=2)
    seen: list[int] = []
    cursor = ""

    for turn in range(20):
        page = search_page(NOBODY, "zeppelin", cursor=cursor, page_size=7)
        seen += [hit.object_id for hit in page.items]
        cursor = page.next_cursor
        if turn == 2:
            put("zeppelin zeppelin zeppelin", "the newest and best")
        if not cursor:
            break

    assert len(seen) == len(set(seen)) == 50


@pytest.mark.parametrize("cursor", ["x", "W10:1:1", "a.b.c"])
def test_a_cursor_that_is_not_ours_is_refused(put: Put, cursor: str) -> None:
    with pytest.raises(BadCursor):
        search_page(NOBODY, "zeppelin", cursor=cursor)


def test_indexing_again_renews_what_is_found(put: Put) -> None:
    put("old", "zeppelin", object_id=7)
    put("new", "balloon", object_id=7)

    assert titles(NOBODY, "zeppelin") == []
    assert titles(NOBODY, "balloon") == ["new"]


def test_replacing_takes_out_parts_that_are_no_more(put: Put) -> None:
    parts = [
        Findable(kind="doc", object_id=7, part=number, url="/", title="t", text=word)
        for number, word in enumerate(["zeppelin", "balloon"])
    ]
    index(parts)

    replace("doc", 7, parts[:1])
    after = (titles(NOBODY, "zeppelin"), titles(NOBODY, "balloon"))
    remove("doc", 7)

    assert after == (["t"], [])
    assert not IndexEntry.objects.exists()


def test_a_nul_character_is_left_out(put: Put) -> None:
    entry = put("ze\0ppelin", "bal\0loon", heading="a\0b")

    assert (entry.title, entry.text, entry.heading) == ("zeppelin", "balloon", "ab")
    assert titles(NOBODY, "zeppelin\0") == ["zeppelin"]


def test_a_page_costs_two_queries(put: Put, django_assert_num_queries: Any) -> None:
    for number in range(30):
        put(f"zeppelin {number}")

    with django_assert_num_queries(2):
        assert len(search_page(NOBODY, "zeppelin", page_size=20).items) == 20


def test_twenty_thousand_documents_are_searched_at_once() -> None:
    words = [
        "deploy",
        "model",
        "token",
        "stream",
        "gateway",
        "部署模型",
        "推理服务",
        "计费额度",
    ]
    index(
        Findable(
            kind="topic",
            object_id=number,
            url=f"/forum/t/{number}/",
            title=f"{words[number % 8]} question {number}",
            text=f"How to {words[number % 5]} with {words[number % 7]} in case"
            f" {number}? {'Some more text. ' * 10} 第{number}个问题怎么解决",
        )
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_indexentry")
    took = {}

    for wanted in ("case 12345", "stream gateway", "question", "解决", '"推理服务"'):
        started = time.perf_counter()
        found = search(NOBODY, wanted)
        took[wanted] = time.perf_counter() - started
        assert found, wanted

    # The rare ones answer while somebody types, and one that is in every text too
    # before anybody wonders.
    assert search(NOBODY, "case 12345")[0].object_id == 12345
    assert took["case 12345"] < 0.25
    assert max(took.values()) < 2.5
