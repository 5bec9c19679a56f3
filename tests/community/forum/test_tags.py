"""Looking after tags: no topic and no address is lost, whatever they are called."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import TagTaken, WrongTag
from community.forum.forms import checked_tags, typed_tags
from community.forum.models import Tag, Topic, Visibility
from community.forum.tagging import find_or_create_tag
from tests.factories import forum
from tests.forms import send
from tests.races import together

Person = Callable[..., Any]


def tag(name: str) -> Tag:
    return Tag.objects.get(name=name)


def names_of(topic: Topic) -> list[str]:
    return sorted(topic.tags.values_list("name", flat=True))


@pytest.mark.django_db
def test_of_two_tags_one_is_left_with_the_topics_of_both(
    client: Client, person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True, is_staff=True)
    within, team = forum.category(), forum.category(Visibility.STAFF)
    only = forum.topic(ada, category=within, tags=["js"])
    both = forum.topic(ada, category=within, tags=["js", "JavaScript"])
    hidden = forum.topic(ada, category=within, tags=["js"])
    services.hide_post(hidden.posts.get(number=1), by=mod, reason="Spam")
    secret = forum.topic(mod, category=team, tags=["js"])

    kept = services.merge_tag(tag("js"), into=tag("JavaScript"), by=mod)
    deliver_outbox()

    for topic in (only, both, hidden, secret):
        assert names_of(topic) == ["JavaScript"]
    kept.refresh_from_db()
    assert (kept.topic_count, kept.members_count, kept.public_count) == (3, 2, 2)
    assert tag("js").synonym_of == kept
    assert list(differences()) == []
    found = client.get("/search/?q=JavaScript").content.decode()
    assert only.title in found
    led = client.get("/forum/tag/js/")
    assert (led.status_code, led["Location"]) == (301, "/forum/tag/javascript/")
    listed = client.get("/forum/tag/javascript/").content.decode()
    assert only.title in listed
    assert secret.title not in listed
    assert client.get("/api/v1/topics/?tag=js").json()["results"]
    assert Record.objects.filter(action="tag.merged").count() == 1


@pytest.mark.django_db
def test_another_name_is_the_tag_wherever_it_is_used(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    forum.topic(ada, tags=["kubernetes"])
    services.add_synonym(tag("kubernetes"), name="k8s", by=mod)

    topic = forum.topic(ada, tags=["K8s", "kubernetes"])

    assert names_of(topic) == ["kubernetes"]
    services.set_tags(topic, ["k8s", "api"], by=ada)
    assert names_of(topic) == ["api", "kubernetes"]
    assert tag("kubernetes").topic_count == 2
    assert list(differences()) == []
    found = client.get("/search/?q=tag:k8s")
    assert topic.title in found.content.decode()


@pytest.mark.django_db
def test_a_renamed_tag_is_found_by_both_names(
    client: Client, person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["ratelimit"])
    before = tag("ratelimit")

    services.rename_tag(before, name="rate limits", by=mod)
    deliver_outbox()

    renamed = tag("rate limits")
    assert (renamed.pk, renamed.slug, renamed.topic_count) == (
        before.pk,
        "rate-limits",
        1,
    )
    assert client.get("/forum/tag/ratelimit/")["Location"] == "/forum/tag/rate-limits/"
    assert find_or_create_tag("RateLimit") == renamed
    assert names_of(topic) == ["rate limits"]
    # And back: its own other name is its name again.
    services.rename_tag(renamed, name="ratelimit", by=mod)
    assert tag("ratelimit").pk == before.pk
    assert tag("rate limits").synonym_of_id == before.pk
    assert client.get("/forum/tag/ratelimit/").status_code == 200
    assert list(differences()) == []


@pytest.mark.django_db
def test_other_capitals_are_no_other_name(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    forum.topic(person("ada"), tags=["openai"])

    services.rename_tag(tag("openai"), name="OpenAI", by=mod)

    assert [(each.name, each.slug) for each in Tag.objects.all()] == [
        ("OpenAI", "openai")
    ]


@pytest.mark.django_db
def test_what_leads_to_a_tag_leads_on_when_that_is_merged(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    forum.topic(person("ada"), tags=["a", "b", "c"])
    services.merge_tag(tag("a"), into=tag("b"), by=mod)
    services.merge_tag(tag("b"), into=tag("c"), by=mod)
    assert {tag("a").synonym_of, tag("b").synonym_of} == {tag("c")}
    for wrong in (
        partial(services.merge_tag, tag("c"), into=tag("c"), by=mod),
        partial(services.merge_tag, tag("a"), into=tag("c"), by=mod),
        partial(services.merge_tag, tag("c"), into=tag("a"), by=mod),
        partial(services.rename_tag, tag("a"), name="z", by=mod),
        partial(services.remove_synonym, tag("c"), by=mod),
    ):
        with pytest.raises(WrongTag):
            wrong()
    forum.topic(person("ben"), tags=["d"])
    with pytest.raises(TagTaken):
        services.rename_tag(tag("c"), name="D", by=mod)
    assert list(differences()) == []


@pytest.mark.django_db
def test_a_name_that_is_given_up_is_a_tag_of_its_own(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["kubernetes"])
    services.add_synonym(tag("kubernetes"), name="k8s", by=mod)

    services.remove_synonym(tag("k8s"), by=mod)

    forum.topic(ada, tags=["k8s"])
    assert names_of(topic) == ["kubernetes"]
    assert (tag("k8s").topic_count, tag("kubernetes").topic_count) == (1, 1)


@pytest.mark.django_db
def test_moderators_look_after_tags_in_the_browser(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    forum.topic(ada, tags=["js", "javascript"])
    client.force_login(mod)
    page = f"/forum/tags/{tag('js').pk}/"

    refused = send(client, page, "name", name="nowhere", act="merge")
    assert refused.status_code == 422
    assert "nowhere" in refused.content.decode()
    assert send(client, page, "name", name="", act="rename").status_code == 422
    merged = send(client, page, "name", name="JavaScript", act="merge")
    assert merged["Location"] == f"/forum/tags/{tag('javascript').pk}/"
    listed = client.get("/forum/tags/").content.decode()
    assert "js" in listed
    assert "another name of" in client.get(page).content.decode()
    client.post(page, {"act": "release"})
    assert tag("js").synonym_of is None
    for user in (ada, person("cem")):
        client.force_login(user)
        for address in ("/forum/tags/", page):
            assert client.get(address).status_code == 403
        assert client.post(page, {"act": "rename", "name": "x"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_no_topic_comes_under_a_tag_that_is_being_merged(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    within = forum.category()
    for number in range(4):
        old, new = f"old{number}", f"new{number}"
        forum.topic(ada, category=within, tags=[old, new])
        came = together(
            partial(services.merge_tag, tag(old), into=tag(new), by=mod),
            *[partial(forum.topic, ada, category=within, tags=[old]) for _ in range(3)],
        )
        assert [each for each in came if isinstance(each, Exception)] == []
        assert tag(old).topics.count() == 0
        assert tag(new).topic_count == 4
    assert list(differences()) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["İstanbul", "ΟΔΟΣ", "ǅungla", "Straße", "ﬁn"])
def test_a_tag_is_one_however_its_letters_are_capitalised(
    client: Client, person: Person, name: str
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topics = [forum.topic(ada, tags=[name]) for _ in range(2)]

    (kept,) = {each for topic in topics for each in topic.tags.all()}
    services.set_tags(topics[0], [name], by=ada)
    assert list(topics[0].tags.all()) == [kept]
    assert client.get(kept.get_absolute_url()).status_code == 200
    other = find_or_create_tag("other")
    with pytest.raises(TagTaken):
        services.rename_tag(other, name=name, by=mod)
    assert not differences()


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("a, b", ["a", "b"]),
        ("密钥，模型、文档", ["密钥", "模型", "文档"]),
        ("مفتاح، نموذج", ["مفتاح", "نموذج"]),
        # Commas in their common form only: small, of half width, of full width.
        ("a\ufe50b\uff64c\uff0cd", ["a", "b", "c", "d"]),
        ("＃python, C＃", ["python", "C#"]),
    ],
)
def test_tags_read_again_as_they_were_shown(typed: str, names: list[str]) -> None:
    assert typed_tags(typed) == names
    assert typed_tags(", ".join(names)) == names


@pytest.mark.parametrize(
    "blank", ["\u3164", "\u2800", "\u0301", "\ufe0f\u200d", "\u115f"]
)
def test_a_tag_that_nobody_can_see_is_refused(blank: str) -> None:
    with pytest.raises(ValidationError, match="nothing to read"):
        checked_tags(["seen", blank])


def test_a_tag_is_measured_in_the_letters_it_is_kept_in() -> None:
    # One sign that is eighteen letters.
    with pytest.raises(ValidationError, match="at most 40"):
        checked_tags(["\ufdfa" * 3])


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a,b", "a、b", "a\ufe50b", "\u3164", "\ufdfa" * 3])
def test_over_rest_a_tag_is_what_it_is_on_the_page(
    client: Client, person: Person, name: str
) -> None:
    ada = person("ada")
    topic = forum.topic(ada, tags=["one"])
    client.force_login(ada)

    answer = client.patch(
        f"/api/v1/topics/{topic.pk}/", {"tags": [name]}, "application/json"
    )

    assert answer.status_code == 400
    assert "tags" in answer.json()["errors"]
    assert names_of(topic) == ["one"]


@pytest.mark.django_db
def test_no_tag_has_a_comma_or_is_blank_wherever_it_comes_from(person: Person) -> None:
    topic = forum.topic(person("ada"), tags=["a, b", "\u3164", "c"])

    assert names_of(topic) == ["a b", "c"]
