"""The forum as the search finds it: every post, and only for who may read it."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from community.forum import services
from community.forum.models import Category, Post, Topic
from search.asking import UnknownFilter
from search.finding import Hit, search
from search.registry import rebuilders
from search.services import rebuild
from tests.factories import forum
from tests.races import together

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


def found(wanted: str, reader: Any = NOBODY) -> list[str]:
    return [hit.title for hit in search(reader, wanted)]


def first(wanted: str) -> Hit:
    return search(NOBODY, wanted)[0]


@pytest.fixture
def ada(person: Any) -> Any:
    return person("ada")


@pytest.fixture
def mod(person: Any) -> Any:
    return person("mod", is_moderator=True)


def test_a_word_that_only_a_reply_holds_opens_that_reply(
    client: Client, ada: Any
) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    forum.reply(topic, ada, "None that I know.")
    reply = forum.reply(topic, ada, "A zeppelin.")

    hit = first("zeppelin")

    assert (hit.title, hit.snippet) == (
        "Which airship is best?",
        "A <mark>zeppelin</mark>.",
    )
    assert client.get(hit.url)["Location"] == reply.get_absolute_url()


def test_words_of_a_title_and_of_a_reply_find_a_topic_together(ada: Any) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    forum.reply(topic, ada, "A zeppelin.")
    forum.topic(ada, title="Another airship")

    assert found("airship zeppelin")[0] == "Which airship is best?"


def test_a_tag_finds_its_topics(ada: Any) -> None:
    forum.topic(ada, title="How fast is it?", tags=["benchmarks"])

    assert found("benchmarks") == ["How fast is it?"]


def test_a_hidden_reply_is_found_by_nobody_until_it_is_back(ada: Any, mod: Any) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    reply = forum.reply(topic, ada, "A zeppelin.")

    services.hide_post(reply, by=mod, reason="spam")
    hidden = found("zeppelin")
    services.restore_post(reply, by=mod)

    assert (hidden, found("zeppelin")) == ([], ["Which airship is best?"])


def test_replies_go_and_come_back_with_their_topic(ada: Any, mod: Any) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    forum.reply(topic, ada, "A zeppelin.")
    dull = forum.reply(topic, ada, "A balloon.")
    services.hide_post(dull, by=mod, reason="dull")

    services.hide_post(topic.posts.get(number=1), by=mod, reason="spam")
    hidden = found("zeppelin")
    services.restore_post(topic.posts.get(number=1), by=mod)

    assert (hidden, found("zeppelin")) == ([], ["Which airship is best?"])
    assert found("balloon") == []


def test_a_moved_topic_takes_its_replies_out_of_sight(ada: Any, mod: Any) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    forum.reply(topic, ada, "A zeppelin.")

    services.move_topic(topic, by=mod, category=forum.category("staff"))

    assert found("zeppelin") == []
    assert found("zeppelin", ada) == []


def test_an_edited_reply_is_found_by_what_it_says_now(ada: Any) -> None:
    reply = forum.reply(forum.topic(ada), ada, "A zeppelin.")

    services.edit_post(reply, editor=ada, text="A balloon.")

    assert found("zeppelin") == []
    assert len(found("balloon")) == 1


def test_a_new_title_is_shown_with_replies_too(ada: Any) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    forum.reply(topic, ada, "A zeppelin.")

    opening = topic.posts.get(number=1)
    services.edit_post(opening, editor=ada, text="Which?", title="Airships compared")

    assert found("zeppelin") == ["Airships compared"]


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ("C++", "Calling it from C++ code"),
        ("c#", "Calling it from C# code"),
        ("max_tokens", "What does max_tokens do?"),
        ("max tokens", "What does max_tokens do?"),
        ("1.0.2", "Upgrade to 1.0.2 fails"),
        ("gpt-4o", "Is gpt-4o offered?"),
        ("GPT 4o", "Is gpt-4o offered?"),
        (".env", "Reading .env in production"),
        ("ＭＡＸ＿ＴＯＫＥＮＳ", "What does max_tokens do?"),
    ],
)
def test_names_with_signs_are_found_whole(ada: Any, wanted: str, title: str) -> None:
    for each in (
        "Calling it from C++ code",
        "Calling it from C# code",
        "Calling it from plain C code",
        "What does max_tokens do?",
        "The tokens of Max and others",
        "Upgrade to 1.0.2 fails",
        "Upgrade to 1.2.0, then 2 more",
        "Is gpt-4o offered?",
        "Is gpt-5 offered, all 4o them?",
        "Reading .env in production",
        "What env is this?",
    ):
        forum.topic(ada, title=each, text="Tell me.")

    assert found(wanted)[0] == title
    whole = [hit.title for hit in search(NOBODY, wanted) if hit.share == 1]
    assert whole == [title] or " " in wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("高级模型值得买吗？", "高級模型"),
        ("台湾的服务器在哪里？", "臺灣 伺服器"),
        ("臺灣的伺服器在哪裡？", "台湾"),
        ("软件安装失败", "軟體"),
        ("❓ 一个问题", "❓"),
        ("It costs 5 € a month", "€"),
        ("Is § 5 met at 20 °C ± 1?", "§"),
        ("Is § 5 met at 20 °C ± 1?", "±"),
        ("如何在 Python 中流式输出回答？", "怎么流式输出"),
    ],
)
def test_both_scripts_both_shores_and_signs_find_each_other(
    ada: Any, written: str, wanted: str
) -> None:
    forum.topic(ada, title=written, text="。。。请看")
    forum.topic(ada, title="完全无关的事情", text="请看")

    assert found(wanted) == [written]


def test_all_words_come_before_most_and_most_before_some(ada: Any) -> None:
    for title in (
        "Rotate the gateway key daily",
        "Rotate the gateway logs daily",
        "Rotate a key by hand",
    ):
        forum.topic(ada, title=title, text="Tell me.")

    hits = search(NOBODY, "how do I rotate a gateway key daily?")

    assert [hit.title for hit in hits] == [
        "Rotate the gateway key daily",
        "Rotate the gateway logs daily",
        "Rotate a key by hand",
    ]
    assert hits[0].share == 1 > hits[1].share


@pytest.fixture
def written(ada: Any, person: Any) -> dict[str, Topic]:
    """Two topics that say zeppelin, and differ in all else."""
    bob = person("bob")
    old = forum.topic(
        ada,
        category=forum.category(slug="help", name="Help", name_zh="求助"),
        title="An old zeppelin",
        tags=["c++"],
    )
    answer = forum.reply(old, bob, "Every zeppelin is old.")
    services.accept_answer(answer, by=ada)
    Post.objects.filter(topic=old).update(
        created_at=timezone.now().replace(year=2024, month=6, day=1)
    )
    new = forum.topic(
        bob,
        category=forum.category(slug="show", name="Show"),
        title="Something new",
        text="It has a zeppelin.",
        tags=["c#"],
    )
    return {"old": old, "new": new}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("zeppelin author:ada", ["An old zeppelin"]),
        ("zeppelin author:@BOB", ["An old zeppelin", "Something new"]),
        ("zeppelin tag:c++", ["An old zeppelin"]),
        ("zeppelin tag:c#", ["Something new"]),
        ("zeppelin category:help", ["An old zeppelin"]),
        ("zeppelin category:求助", ["An old zeppelin"]),
        ("zeppelin category：show", ["Something new"]),
        ("zeppelin solved:yes", ["An old zeppelin"]),
        ("zeppelin solved:no", ["Something new"]),
        ("in:title zeppelin", ["An old zeppelin"]),
        ("zeppelin before:2025-01-01", ["An old zeppelin"]),
        ("zeppelin after:2025-01-01", ["Something new"]),
        ("zeppelin after:2024-06-01 before:2024-06-02", []),
        ("tag:c++ category:show zeppelin", []),
        ("tag:c#", ["Something new"]),
        ('author:"bob" solved:yes', ["An old zeppelin"]),
    ],
)
def test_a_search_is_narrowed_by_what_is_so_now(
    written: dict[str, Topic], wanted: str, expected: list[str]
) -> None:
    assert sorted(found(wanted)) == expected


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("author:nobody", "Nobody is called “nobody” here."),
        ("tag:nothing", "There is no tag “nothing”."),
        ("category:x", "There is no category “x”. There are: help, show."),
        ("solved:maybe", "“solved:” takes yes or no."),
        ("before:soon", "“before:” takes a day such as 2026-01-31."),
        ("after:2026-02-30", "“after:” takes a day such as 2026-01-31."),
        ("in:text zeppelin", "“in:” takes one word: in:title."),
        ("author: zeppelin", "Say after “author:” what to narrow by."),
    ],
)
def test_a_filter_that_says_nothing_is_explained(
    client: Client, written: dict[str, Topic], wanted: str, said: str
) -> None:
    page = client.get("/search/", {"q": wanted})

    assert page.status_code == 400
    assert said in page.content.decode()
    live = {"q": wanted, "live": "1"}
    answer = client.get("/search/", live, headers={"HX-Request": "true"})
    assert (answer.status_code, said in answer.content.decode()) == (200, True)


def test_a_filter_tells_nobody_of_what_they_may_not_see(
    ada: Any, person: Any, written: dict[str, Topic]
) -> None:
    room = forum.category("staff", slug="room")
    root = person("root", is_staff=True)
    forum.topic(root, category=room, title="A secret zeppelin", tags=["secret"])

    assert found("zeppelin category:room", root) == ["A secret zeppelin"]
    for asked in ("zeppelin category:room", "zeppelin tag:secret"):
        with pytest.raises(UnknownFilter) as refusal:
            found(asked, ada)
        assert "room" not in str(refusal.value).replace("“room”", "")
    assert found("author:root", ada) == []


@pytest.mark.parametrize("wanted", ["100%", "error:404", "http://x.test/?a=1", "a%sb"])
def test_what_is_no_filter_is_searched_for(ada: Any, wanted: str) -> None:
    forum.topic(ada, title=f"It says {wanted} at me")

    assert found(wanted) == [f"It says {wanted} at me"]


def test_no_search_reads_more_than_its_bounds(ada: Any, monkeypatch: Any) -> None:
    place = forum.category()
    for number in range(12):
        forum.topic(ada, category=place, title=f"Zeppelin number {number}")
    monkeypatch.setattr("search.finding.MOST_RANKED", 5)

    assert found("zeppelin") == [
        f"Zeppelin number {number}" for number in range(11, 6, -1)
    ]


def test_category_names_need_no_topics(ada: Any) -> None:
    Category.objects.create(slug="empty", name="Empty")

    assert found("category:empty") == []


@pytest.mark.parametrize("is_opening", [True, False])
def test_a_post_is_found_by_its_comments_as_long_as_they_are_shown(
    ada: Any, mod: Any, is_opening: bool
) -> None:
    topic = forum.topic(ada, title="Which airship is best?")
    post = topic.posts.get() if is_opening else forum.reply(topic, ada)
    comment = services.post_comment(post, author=ada, text="A zepelin", limited=False)

    services.edit_comment(comment, editor=ada, text="A zeppelin.")
    assert found("zeppelin") == [topic.title]
    assert found("zepelin") == []
    services.hide_comment(comment, by=mod, reason="x")
    assert found("zeppelin") == []
    services.restore_comment(comment, by=mod)
    assert found("zeppelin") == [topic.title]
    rebuild("topic", rebuilders()["topic"])
    assert found("zeppelin") == [topic.title]
    services.move_topic(topic, by=mod, category=forum.category("staff"))
    assert found("zeppelin") == []
    services.move_topic(topic, by=mod, category=forum.category())
    services.hide_post(topic.posts.get(number=1), by=mod, reason="x")
    assert found("zeppelin") == []


@pytest.mark.django_db(transaction=True)
def test_a_comment_brings_nothing_back_that_is_hidden_at_the_same_moment(
    person: Any,
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    reply = forum.reply(topic, ada, "A zeppelin.")

    for _ in range(5):
        together(
            partial(
                services.post_comment, reply, author=ada, text="And?", limited=False
            ),
            partial(services.hide_post, topic.posts.get(number=1), by=mod, reason="x"),
        )
        assert found("zeppelin") == []
        services.restore_post(topic.posts.get(number=1), by=mod)
        assert found("zeppelin") == [topic.title]


def test_a_topic_is_found_by_its_poll(ada: Any) -> None:
    asked = services.PollValues(
        question="Which airship?", options=("Zeppelin", "Blimp")
    )
    topic = forum.topic(ada, title="A small question", poll=asked)
    assert found("airship") == found("blimp") == [topic.title]

    other = services.PollValues(question="Which bird?", options=("Heron", "Wren"))
    poll = services.set_poll(topic.posts.get(), other, by=ada)
    assert (found("blimp"), found("heron")) == ([], [topic.title])
    services.remove_poll(poll, by=ada)
    assert found("heron") == []


def test_an_idea_is_found_by_what_was_decided_on_it(ada: Any, person: Any) -> None:
    staff = person("staff", is_staff=True)
    idea = forum.topic(ada, kind="idea", title="An airship for all")

    services.set_idea_state(idea, by=staff, state="declined", word="No zeppelin left.")
    assert found("zeppelin") == [idea.title]
    services.set_kind(idea, by=staff, kind="discussion")
    assert found("zeppelin") == []


def test_moderators_find_what_they_may_read(mod: Any, ada: Any) -> None:
    forum.topic(mod, title="A zeppelin", category=forum.category("staff"))

    assert found("zeppelin", mod) == ["A zeppelin"]
    assert found("zeppelin", ada) == []
