"""Silenced and suspended: refused on every way, told why and until when."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tokens import create_token
from audit.models import Record
from community.forum import services as forum_services
from community.forum.models import Comment, Post, Reaction, Topic, Vote
from community.moderation.services import raise_post_flag
from community.standing import services
from community.standing.exceptions import (
    CannotSanction,
    EndInThePast,
    Sanctioned,
    SanctionOver,
)
from community.standing.models import Sanction
from notifications.models import EmailMessage, Notification
from tests.factories import forum
from tests.forms import send
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"

# Each service of the forum that a person acts through: refused to whom is silenced
# ("writes"), to whom is suspended only ("takes part"), or to neither, and why.
WRITES = {
    *("create_topic", "post_reply", "edit_post", "edit_topic", "set_tags"),
    *("post_comment", "edit_comment", "restore_post", "restore_comment"),
    *("set_poll", "remove_poll", "mark_ended"),
}
TAKES_PART = {
    *("vote", "set_reaction", "accept_answer", "unaccept_answer"),
    *("hide_post", "hide_comment", "set_ballot"),
}
PRIVATE = {
    # What one reads and keeps is nobody else's business.
    *("mark_read", "mark_comments_read", "set_level", "set_bookmark"),
    *("remove_bookmark", "record_view", "set_watch", "mark_decision_read"),
}
OF_THE_TEAM = {
    *("create_category", "edit_category", "add_synonym", "merge_tag", "rename_tag"),
    *("remove_synonym", "join_topics", "split_topic", "unjoin_topic", "move_topic"),
    *("set_locked", "set_pinned", "set_revision_hidden"),
    *("void_vote", "restore_vote", "set_idea_state", "set_kind", "set_template"),
}
OF_THE_PRODUCT = {
    *("MOST_SPLIT", "add_views", "flush_views", "find_moved_post", "index_tagged"),
    *("notify_of_reminders", "render_again"),
    *("PollValues", "cleaned_poll", "edition_of", "faults_in", "pin_end"),
}


def impose(person: Any, by: Any, kind: str = "silence", **fields: Any) -> Sanction:
    values = {"reason": "Advertising.", "until": None, **fields}
    return services.sanction_person(person, kind=kind, by=by, **values)


def test_every_service_of_the_forum_is_known_to_this_test() -> None:
    known = WRITES | TAKES_PART | PRIVATE | OF_THE_TEAM | OF_THE_PRODUCT
    assert set(forum_services.__all__) == known


def acts_of(ada: Any, ben: Any) -> dict[str, Callable[[], Any]]:
    """Return what ``ada`` may do before anything is imposed on her."""
    category = forum.category()
    mine = forum.topic(ada, category=category)
    opening = mine.posts.get(number=1)
    theirs = forum.reply(mine, ben)
    hers = forum.reply(mine, ada)
    gone = forum_services.hide_post(forum.reply(mine, ada), by=ada, reason="")
    remark = forum_services.post_comment(opening, author=ada, text="x", limited=False)
    lost = forum_services.post_comment(opening, author=ada, text="y", limited=False)
    forum_services.hide_comment(lost, by=ada)
    do = forum_services
    asked = do.PollValues(question="Which?", options=("This", "That"))
    polls = [
        do.set_poll(forum.topic(who).posts.get(number=1), asked, by=who)
        for who in (ada, ada, ben)
    ]
    return {
        "create_topic": lambda: do.create_topic(
            category, author=ada, title="Is this one new?", text="It is."
        ),
        "post_reply": lambda: do.post_reply(mine, author=ada, text="Like this."),
        "edit_post": lambda: do.edit_post(opening, editor=ada, text="Changed."),
        "edit_topic": lambda: do.edit_topic(mine, by=ada, title="Another title?"),
        "set_tags": lambda: do.set_tags(mine, ["new"], by=ada),
        "post_comment": lambda: do.post_comment(opening, author=ada, text="Hm."),
        "edit_comment": lambda: do.edit_comment(remark, editor=ada, text="Oh."),
        "restore_post": lambda: do.restore_post(gone, by=ada),
        "restore_comment": lambda: do.restore_comment(lost, by=ada),
        "vote": lambda: do.vote(theirs, by=ada, value=1),
        "set_reaction": lambda: do.set_reaction(
            theirs, by=ada, kind=Reaction.Kind.THANKS, is_on=True
        ),
        "accept_answer": lambda: do.accept_answer(theirs, by=ada),
        "unaccept_answer": lambda: do.unaccept_answer(mine, by=ada),
        "hide_comment": lambda: do.hide_comment(remark, by=ada),
        "hide_post": lambda: do.hide_post(hers, by=ada, reason=""),
        "set_poll": lambda: do.set_poll(opening, asked, by=ada),
        "remove_poll": lambda: do.remove_poll(polls[0], by=ada),
        "mark_ended": lambda: do.mark_ended(polls[1], by=ada),
        "set_ballot": lambda: do.set_ballot(
            polls[2], by=ada, options=[polls[2].options.earliest("position").pk]
        ),
    }


@pytest.mark.parametrize("name", sorted(WRITES | TAKES_PART))
def test_what_is_imposed_holds_in_every_service(person: Person, name: str) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    act = acts_of(ada, ben)[name]

    silence = impose(ada, mod)
    if name in WRITES:
        with pytest.raises(Sanctioned, match="not write in it"):
            act()
    services.lift_sanction(silence, by=mod)
    suspension = impose(ada, mod, "suspension")
    before = (Topic.objects.count(), Post.objects.count(), Comment.objects.count())
    with pytest.raises(Sanctioned, match="suspended from"):
        act()
    assert before == (
        Topic.objects.count(),
        Post.objects.count(),
        Comment.objects.count(),
    )
    services.lift_sanction(suspension, by=mod)
    act()


@pytest.mark.parametrize("name", sorted(TAKES_PART))
def test_the_silenced_still_vote_react_accept_and_delete(
    person: Person, name: str
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    act = acts_of(ada, ben)[name]
    impose(ada, mod)

    act()


def test_reports_are_refused_to_the_silenced(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    post = forum.topic(person("ben")).posts.get()
    impose(ada, mod)

    with pytest.raises(Sanctioned):
        raise_post_flag(post, by=ada, reason="spam")


def test_a_page_keeps_the_text_and_says_why_and_until_when(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada", time_zone="UTC"), person("mod", is_moderator=True)
    topic = forum.topic(person("ben"))
    until = timezone.now() + timedelta(days=3)
    impose(ada, mod, until=until)
    client.force_login(ada)

    page = client.get(topic.get_absolute_url()).content.decode()
    sent = send(client, topic.get_absolute_url(), "text", text="My long answer.")

    assert "Advertising." in page
    assert sent.status_code == 422
    said = sent.content.decode()
    assert "My long answer." in said
    assert "Advertising." in said
    assert until.strftime("%-d") in said
    assert topic.posts.count() == 1


def test_rest_refuses_with_a_code_and_writes_nothing(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(person("ben"))
    _token, secret = create_token(ada, name="CI", scopes=["forum:write"])
    impose(ada, mod, "suspension")
    bearer = {"authorization": f"Bearer {secret}"}

    replied = client.post(
        f"/api/v1/topics/{topic.pk}/posts/",
        {"text": "Like this."},
        content_type=JSON,
        headers=bearer,
    )
    voted = client.put(
        f"/api/v1/posts/{topic.posts.get().pk}/vote/",
        {"value": 1},
        content_type=JSON,
        headers=bearer,
    )

    assert (replied.status_code, replied.json()["code"]) == (403, "suspended")
    assert "Advertising." in replied.json()["detail"]
    assert (voted.status_code, voted.json()["code"]) == (403, "suspended")
    assert topic.posts.count() == 1
    assert not Vote.objects.exists()
    read = client.get(f"/api/v1/topics/{topic.pk}/", headers=bearer)
    assert read.status_code == 200


def test_the_person_is_told_in_the_product_and_by_mail(person: Person) -> None:
    ada = person("ada", locale="zh-hans")
    sanction = impose(ada, person("mod", is_moderator=True))

    told = Notification.objects.get(user=ada)
    assert "Advertising." in told.body
    assert told.url == "/settings/standing/"
    assert EmailMessage.objects.filter(user=ada).count() == 1
    services.lift_sanction(sanction, by=person("mia", is_moderator=True))
    assert Notification.objects.filter(user=ada).count() == 2
    actions = Record.objects.filter(action__startswith="person.").order_by("pk")
    assert [each.action for each in actions] == [
        "person.silence",
        "person.silence_lifted",
    ]


def test_what_has_an_end_ends_by_itself(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(person("ben"))
    sanction = impose(ada, mod, until=timezone.now() + timedelta(days=1))
    begun = timezone.now() - timedelta(days=2)
    Sanction.objects.filter(pk=sanction.pk).update(
        created_at=begun, until=begun + timedelta(days=1)
    )

    forum.reply(topic, ada)
    with pytest.raises(SanctionOver):
        services.lift_sanction(sanction, by=mod)
    # And another one may follow it.
    impose(ada, mod)
    with pytest.raises(Sanctioned):
        forum.reply(topic, ada)


def test_the_team_is_not_sanctioned_and_an_end_is_to_come(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    for whom in (mod, person("staff", is_staff=True), person("m2", is_moderator=True)):
        with pytest.raises(CannotSanction):
            impose(whom, mod)
    with pytest.raises(EndInThePast):
        impose(person("ada"), mod, until=timezone.now())
    assert not Sanction.objects.exists()
    assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_imposed_at_once_one_is_in_force(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)

    came = together(*[partial(impose, ada, mod, reason=f"No {n}.") for n in range(6)])

    assert all(isinstance(each, Sanction) for each in came), came
    assert Sanction.objects.count() == 6
    assert Sanction.objects.in_force().count() == 1
