import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from community.forum import services
from community.forum.models import Post, Topic, TopicUser, Visibility
from tests.factories import forum
from tests.forms import form_of, send

Person = Callable[..., Any]
ATOM = "{http://www.w3.org/2005/Atom}"
pytestmark = pytest.mark.django_db


def queries_of(client: Client, url: str) -> int:
    """Return how many queries a page costs."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("visibility", Visibility.values)
@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
def test_every_page_of_a_topic_is_as_visible_as_its_category(
    client: Client, person: Person, visibility: str, who: str
) -> None:
    author = person("mod", is_staff=True)
    topic = forum.topic(
        author, category=forum.category(visibility), tags=["secret"], title="Zeppelins?"
    )
    if who != "stranger":
        client.force_login(author if who == "staff" else person("member"))
    sees = {
        "public": True,
        "members": who != "stranger",
        "staff": who == "staff",
    }[visibility]
    opening = topic.posts.get(number=1)
    status = 200 if sees else 404
    for url in (
        topic.get_absolute_url(),
        topic.category.get_absolute_url(),
        f"/forum/p/{opening.pk}/history/",
        f"/api/v1/topics/{topic.pk}/posts/",
    ):
        assert client.get(url).status_code == status, url
    for url in (
        "/forum/",
        "/forum/tag/secret/",
        "/forum/_latest/",
        "/forum/_similar/?title=zeppelins",
        "/api/v1/topics/",
        "/u/mod/",
    ):
        assert ("Zeppelins?" in client.get(url).content.decode()) is sees, url
    feed = client.get("/forum/feed.atom").content.decode()
    assert ("Zeppelins?" in feed) is (visibility == "public")


def test_a_topic_redirects_to_its_one_address(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"), title="怎样轮换密钥 key?")
    response = client.get(f"/forum/t/{topic.pk}/?n=1")
    assert response.status_code == 301
    assert response["Location"].endswith("?n=1")
    assert client.get(response["Location"]).status_code == 200


def test_the_list_costs_the_same_for_one_topic_and_thirty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)
    within = forum.category()
    forum.topic(ada, category=within, tags=["a", "b"])
    client.get("/forum/")
    one = queries_of(client, "/forum/")
    for _ in range(29):
        forum.topic(ada, category=within, tags=["a", "b"])
    assert queries_of(client, "/forum/") == one
    assert one <= 12


def test_a_topic_costs_the_same_for_one_reply_and_thirty(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    client.force_login(ada)
    topic = forum.topic(ada, tags=["a"])
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    url = topic.get_absolute_url()
    client.get(url)
    one = queries_of(client, url)
    for _ in range(29):
        forum.reply(topic, ben)
    client.get(url)
    assert queries_of(client, url) == one
    assert one <= 13


def test_the_accepted_answer_stands_before_the_others(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    forum.reply(topic, ben, "Try the first way.")
    services.accept_answer(forum.reply(topic, ben, "The second way works."), by=ada)
    page = client.get(topic.get_absolute_url()).content.decode()
    assert page.index("The second way works.") < page.index("Try the first way.")


def test_markup_in_a_title_and_a_text_is_shown_and_never_run(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    bad = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    topic = forum.topic(
        ada, title=f"Is {bad} safe?", text=f"{bad} [x](javascript:alert(3))"
    )
    forum.reply(topic, ada, bad)
    for url in (topic.get_absolute_url(), "/forum/", "/u/ada/", "/forum/_latest/"):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page


def test_what_was_typed_survives_a_refusal(client: Client, person: Person) -> None:
    ada = person("ada")
    client.force_login(ada)
    within = forum.category()
    response = client.post(
        "/forum/new/",
        {
            "kind": "question",
            "category": within.pk,
            "title": "Short",
            "text": "A long text I will not type again.",
            "client_token": "t",
        },
    )
    assert response.status_code == 422
    assert "A long text I will not type again." in response.content.decode()
    assert Topic.objects.count() == 0

    topic = forum.topic(ada)
    mod = person("mod", is_moderator=True)
    services.set_locked(topic, by=mod, is_locked=True)
    response = client.post(
        f"/forum/t/{topic.pk}/reply/", {"text": "My long reply.", "client_token": "t"}
    )
    assert response.status_code == 422
    assert "My long reply." in response.content.decode()
    assert Post.objects.count() == 1


def test_a_strangers_reply_is_there_after_signing_in(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    response = send(client, topic.get_absolute_url(), "text", text="Typed first.")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/forum/t/")
    assert Post.objects.count() == 1
    client.force_login(ada)
    assert "Typed first." in client.get(topic.get_absolute_url()).content.decode()


def test_signing_in_for_a_vote_comes_back_to_the_post(
    client: Client, person: Person
) -> None:
    opening = forum.topic(person("ada")).posts.get(number=1)
    response = client.post(f"/forum/p/{opening.pk}/vote/", {"value": "up"})
    assert response.status_code == 302
    assert "next=/forum/t/" in response["Location"]


def test_only_the_asker_accepts(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    client.force_login(ben)
    assert client.post(f"/forum/p/{answer.pk}/accept/").status_code == 403
    topic.refresh_from_db()
    assert topic.solution is None
    client.force_login(ada)
    assert client.post(f"/forum/p/{answer.pk}/accept/").status_code == 302
    topic.refresh_from_db()
    assert topic.solution == answer


def test_another_readers_muting_leaves_a_topic_unread(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="Still unread to me?")
    services.set_level(topic, user=ben, level=TopicUser.Level.MUTED)
    forum.reply(topic, ben)
    client.force_login(ada)
    page = client.get("/forum/?sort=unread").content.decode()
    assert "Still unread to me?" in page


def test_a_changed_cursor_is_refused(client: Client) -> None:
    assert client.get("/forum/?cursor=nonsense").status_code == 400


def test_an_edit_conflict_keeps_the_text_and_shows_both(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    reply = forum.reply(forum.topic(ada), ada, "Before")
    client.force_login(ada)
    url = f"/forum/p/{reply.pk}/edit/"
    base = client.get(url).context["form"]["base"].value()
    services.edit_post(reply, editor=mod, text="Mended by a moderator")

    response = client.post(url, {"text": "My own long words", "base": base})

    page = response.content.decode()
    assert response.status_code == 409
    assert "My own long words</textarea>" in page
    assert "<del" in page
    assert "Mended by a moderator" in page
    assert Post.objects.get(pk=reply.pk).source_md == "Mended by a moderator"

    # Seen and meant: sent again it replaces what it was compared with.
    base = response.context["form"]["base"].value()
    assert (
        client.post(url, {"text": "My own long words", "base": base}).status_code == 302
    )
    assert Post.objects.get(pk=reply.pk).source_md == "My own long words"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "A title by a moderator"}, "now “A title by a moderator”"),
        ({"tags": ["python", "async"]}, "now: async, python"),
        ({"tags": []}, "no tags now"),
    ],
)
def test_an_edit_of_the_text_undoes_no_title_and_no_tags_given_meanwhile(
    client: Client, person: Person, change: dict[str, Any], said: str
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["keys"])
    opening, before = topic.posts.get(number=1), topic.title
    client.force_login(ada)
    url = f"/forum/p/{opening.pk}/edit/"
    form = form_of(client.get(url).content.decode(), "base")
    services.edit_topic(topic, by=mod, **change)

    refused = client.post(url, form.values | {"text": "My own long words"})

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "My own long words</textarea>" in page
    assert said in page
    topic.refresh_from_db()
    assert topic.title == change.get("title", before)
    assert {tag.name for tag in topic.tags.all()} == set(change.get("tags", ["keys"]))
    # Seen and meant: sent again it replaces what it was compared with.
    again = form_of(page, "base")
    assert client.post(url, again.values).status_code == 302
    assert Post.objects.get(pk=opening.pk).source_md == "My own long words"


def test_the_same_edit_sent_twice_is_no_conflict(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    opening = forum.topic(ada, tags=["keys"]).posts.get(number=1)
    client.force_login(ada)
    url = f"/forum/p/{opening.pk}/edit/"
    form = form_of(client.get(url).content.decode(), "base")
    sent = form.values | {"title": "Another good title", "tags": "keys, python"}

    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent | {"tags": "keys"}).status_code == 409


def test_a_quotation_carries_what_the_reader_may_see_only(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    forum.reply(topic, ben, "Line one\nLine two")
    hidden = forum.reply(topic, ben, "A hidden secret")
    other = forum.reply(
        forum.topic(ada, category=forum.category("staff")), mod, "Staff"
    )
    services.hide_post(hidden, by=mod, reason="Spam")
    client.force_login(ada)
    url = topic.get_absolute_url()
    page = client.get(f"{url}?n=2&quote=2").content.decode()
    assert "&gt; @ben:\n&gt;\n&gt; Line one\n&gt; Line two" in page
    assert "A hidden secret" not in client.get(f"{url}?quote=3").content.decode()
    assert client.get(f"{url}?quote={other.pk}").status_code == 200
    for number in ("-1", "9" * 30, "²", "x"):
        assert client.get(f"{url}?quote={number}").status_code == 400


def test_a_hidden_last_reply_leaves_nothing_unread(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="Is there something new?")
    services.hide_post(forum.reply(topic, ben), by=mod, reason="Spam")
    client.force_login(ada)
    assert client.get("/forum/").context["rows"][0].unread == 0
    assert client.get("/forum/?sort=unread").context["rows"] == []
    client.get(topic.get_absolute_url())
    forum.reply(topic, ben)
    assert client.get("/forum/").context["rows"][0].unread == 1


def test_a_topic_is_new_until_it_is_opened(client: Client, person: Person) -> None:
    ben = person("ben")
    topic = forum.topic(person("ada"))
    client.force_login(ben)
    assert client.get("/forum/").context["rows"][0].is_new is True
    client.get(topic.get_absolute_url())
    assert client.get("/forum/").context["rows"][0].is_new is False


@pytest.mark.parametrize(
    "title", ["\u200b" * 12, "\u202e" * 12, "a\u200b" * 6, "  -  -"]
)
def test_a_title_nobody_can_read_is_refused(
    client: Client, person: Person, title: str
) -> None:
    client.force_login(person("ada"))
    within = forum.category()
    form = {"kind": "question", "category": within.pk, "title": title, "text": "Text"}
    assert client.post("/forum/new/", form).status_code == 422
    body = {"category": within.slug, "title": title, "text": "Text"}
    made = client.post("/api/v1/topics/", body, "application/json")
    assert made.status_code == 400
    assert Topic.objects.count() == 0


@pytest.mark.parametrize("text", ["\u200b\u200b", "\x0b\x1f", "\u2060 \u00ad"])
def test_a_text_nobody_can_read_is_refused(
    client: Client, person: Person, text: str
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    url = f"/forum/t/{topic.pk}/reply/"
    assert client.post(url, {"text": text}).status_code == 422
    assert Post.objects.count() == 1


def test_a_text_at_the_limit_is_taken_and_one_beyond_is_kept_and_refused(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    url = f"/forum/t/{topic.pk}/reply/"
    assert client.post(url, {"text": "字" * 40_000}).status_code == 302
    response = client.post(url, {"text": "b" * 40_001})
    assert response.status_code == 422
    assert "b" * 40_001 in response.content.decode()
    assert Post.objects.count() == 2


@pytest.mark.parametrize(
    "url",
    [
        "/forum/t/99999999999999999999999/",
        "/forum/t/999999999999999999/",
        "/forum/t/\u0661/",
        "/forum/tag/%00/",
        "/u/%00/",
        "/forum/p/99999999999999999999/history/",
        f"/forum/t/{'9' * 5000}/reply/",
    ],
)
def test_an_address_of_nothing_is_not_found(client: Client, url: str) -> None:
    assert client.get(url).status_code in (404, 405)


@pytest.mark.parametrize(
    "url",
    [
        "/forum/_similar/?title=" + "x" * 5000,
        "/search/?q=" + "x" * 5000,
    ],
)
def test_odd_questions_get_an_answer(client: Client, db: None, url: str) -> None:
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/forum/_similar/?title=%00%00%00%00%00%00%00", "title"),
        ("/search/?q=%00", "q"),
        ("/forum/?sort=%00", "sort"),
        ("/forum/?sort=newest", "sort"),
    ],
)
def test_what_cannot_be_read_is_named(
    client: Client, db: None, url: str, field: str
) -> None:
    answer = client.get(url)

    assert answer.status_code == 400
    assert f"“{field}”" in answer.content.decode()


def test_two_han_characters_find_similar_topics(client: Client, person: Person) -> None:
    forum.topic(person("ada"), title="怎样轮换密钥？")
    page = client.get("/forum/_similar/?title=密钥").content.decode()
    assert "怎样轮换密钥" in page


def test_related_topics_are_others_the_reader_may_see(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_staff=True)
    topic = forum.topic(ada, title="How do zeppelins land?")
    forum.topic(ada, title="Where do zeppelins land?")
    forum.topic(mod, title="Why do zeppelins land?", category=forum.category("staff"))
    page = client.get(f"/forum/t/{topic.pk}/related/").content.decode()
    assert "Where do zeppelins land?" in page
    assert "How do zeppelins land?" not in page
    assert "Why do zeppelins land?" not in page


def test_a_tag_shows_only_where_its_topics_do(client: Client, person: Person) -> None:
    mod = person("mod", is_staff=True)
    forum.topic(mod, category=forum.category("staff"), tags=["acquisition"])
    assert client.get("/forum/tag/acquisition/").status_code == 404
    assert "acquisition" not in client.get("/forum/").content.decode()
    client.force_login(mod)
    assert client.get("/forum/tag/acquisition/").status_code == 200
    assert "acquisition" in client.get("/forum/").content.decode()


def test_a_tag_lists_its_topics_by_their_last_reply(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    older = forum.topic(ada, tags=["keys"])
    forum.topic(ada, tags=["keys"])
    forum.topic(ada, tags=["other"])
    forum.reply(older, ada)
    rows = client.get("/forum/tag/keys/").context["rows"]
    assert [row.topic == older for row in rows] == [True, False]


@pytest.mark.parametrize("path", ["/forum/feed.atom", "/forum/c/help/feed.atom"])
def test_a_feed_is_valid_small_and_not_sent_twice(
    client: Client, person: Person, path: str
) -> None:
    ada = person("ada")
    within = forum.category(slug="help")
    topic = forum.topic(
        ada,
        category=within,
        title="Does \x0b & <b> break it?",
        text="Bell \x07 \x1b <x>",
    )
    for _ in range(3):
        forum.reply(topic, ada, "A reply nobody subscribed to")
    response = client.get(path)
    root = ElementTree.fromstring(response.content)  # noqa: S314 - our own feed
    titles = [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]
    assert titles == ["Does & <b> break it?"]
    assert b"nobody subscribed" not in response.content
    etag = response["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    forum.topic(ada, category=within)
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200
    assert queries_of(client, path) <= 4


@pytest.mark.parametrize(
    "path", ["/forum/feed.atom", "/forum/c/help/feed.atom", "/forum/t/{}/feed.atom"]
)
def test_a_sign_in_a_name_takes_a_feed_from_nobody(
    client: Client, person: Person, path: str
) -> None:
    ada = person("ada", display_name="Ada\x08 Byron")
    within = forum.category(slug="help")
    type(within).objects.update(name="He\x1blp", description="What\x0cever")
    topic = forum.topic(ada, category=within)
    forum.reply(topic, ada, "Like this.")

    answer = client.get(path.format(topic.pk))

    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - our own feed
    names = {name.text for name in root.iter(f"{ATOM}name")}
    assert names == {"Ada Byron"}


def test_the_home_page_counts_what_a_visitor_may_see(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_staff=True)
    topic = forum.topic(ada)
    services.accept_answer(forum.reply(topic, ben), by=ada)
    forum.topic(ada, kind=Topic.Kind.DISCUSSION)
    forum.topic(mod, category=forum.category("staff"))
    figures = client.get("/forum/_numbers/").context
    assert figures["topic_count"] == 2
    assert figures["reply_count"] == 1
    assert (figures["solved_count"], figures["question_count"]) == (1, 1)
    assert figures["people_count"] == 2


def test_a_tag_and_a_topic_have_feeds_of_what_everybody_may_see(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="About keys", tags=["Keys"])
    forum.topic(ada, title="About other things", tags=["other"])
    forum.topic(mod, title="Team only", tags=["Keys"], category=forum.category("staff"))
    shown = forum.reply(topic, ada, "A <b> zeppelin")
    hidden = forum.reply(topic, ada, "Spam")
    services.hide_post(hidden, by=mod, reason="x")
    services.add_synonym(topic.tags.get(), name="secrets", by=mod)
    client.force_login(mod)

    for tag in ("keys", "secrets"):
        assert titles_in(client, f"/forum/tag/{tag}/feed.atom") == ["About keys"]
    feed = client.get(f"/forum/t/{topic.pk}/feed.atom").content.decode()
    assert feed.count("<entry>") == 1
    assert f"/forum/p/{shown.pk}/" in feed
    assert "Spam" not in feed
    secret = Topic.objects.get(title="Team only")
    assert client.get(f"/forum/t/{secret.pk}/feed.atom").status_code == 404
    assert client.get("/forum/tag/nothing/feed.atom").status_code == 404
    page = client.get(topic.get_absolute_url()).content.decode()
    assert f"/forum/t/{topic.pk}/feed.atom" in page
    assert (
        "/forum/tag/keys/feed.atom" in client.get("/forum/tag/keys/").content.decode()
    )


def titles_in(client: Client, path: str) -> list[str | None]:
    root = ElementTree.fromstring(client.get(path).content)  # noqa: S314 - our own feed
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


def test_a_solved_question_tells_search_engines_its_answers_and_nothing_hidden(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="Does </script><b> end it?", text="Does & it?")
    answer = forum.reply(topic, ben, "No.")
    other = forum.reply(topic, ben, "Maybe.")
    services.hide_post(forum.reply(topic, ben, "Spam"), by=mod, reason="x")
    services.accept_answer(answer, by=ada)

    for reader in (None, mod):
        if reader:
            client.force_login(reader)
        page = client.get(topic.get_absolute_url()).content.decode()
        (told,) = re.findall(
            r"<script type=.application/ld.json.[^>]*>(.*?)</script>", page
        )
        question = json.loads(told)["mainEntity"]
        assert question["name"] == topic.title
        assert question["acceptedAnswer"]["text"] == "No."
        assert [each["text"] for each in question["suggestedAnswer"]] == ["Maybe."]
        assert question["suggestedAnswer"][0]["url"].endswith(f"#post-{other.number}")
        assert '<meta property="og:description" content="Does &amp; it?">' in page


@pytest.mark.parametrize("kind", ["question", "discussion"])
def test_what_has_no_answer_is_no_page_of_answers(
    client: Client, person: Person, kind: str
) -> None:
    topic = forum.topic(person("ada"), kind=kind)
    if kind == "discussion":
        forum.reply(topic, topic.author)

    assert "ld+json" not in client.get(topic.get_absolute_url()).content.decode()
