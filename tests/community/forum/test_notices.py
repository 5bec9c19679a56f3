"""Who is told of what: after the commit, at one cost, while they may see it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from community.forum import notices, services
from community.forum.counting import differences
from community.forum.models import Post, Topic, TopicUser, readers_of
from contracts.community import ReplyPosted
from jobs.models import Job
from jobs.working import sweep, work
from notifications.models import EmailMessage, Notification
from notifications.services import set_preferences
from outbox.models import Event
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
Deliver = Callable[[], int]
CROWDS = (1, 51, 201)


def crowd(topic: Topic, number: int) -> list[User]:
    """Make so many people who watch a topic."""
    people = User.objects.bulk_create(
        User(email=f"w{topic.pk}x{n}@example.test", username=f"w{topic.pk}x{n}")
        for n in range(number)
    )
    TopicUser.objects.bulk_create(
        TopicUser(user=user, topic=topic, level="watching") for user in people
    )
    return people


def told(user: User) -> list[str]:
    return list(Notification.objects.visible_to(user).values_list("kind", flat=True))


@pytest.mark.django_db
def test_a_reply_costs_the_same_few_queries_whoever_watches(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    written, heard = [], []
    for number in CROWDS:
        topic = forum.topic(ada)
        crowd(topic, number)
        with CaptureQueriesContext(connection) as queries:
            post = forum.reply(topic, ben)
        # A savepoint is no question to the tables.
        asked = [q for q in queries if "SAVEPOINT" not in q["sql"]]
        written.append(len(asked))
        # The writer, who holds the topic, tells nobody.
        assert not Notification.objects.filter(about_id=post.pk).exists()
        with CaptureQueriesContext(connection) as queries:
            notices.notify_of_reply(post.pk)
        heard.append(len(queries))
        assert Notification.objects.filter(about_id=post.pk).count() == number + 1

    assert written == [written[0]] * 3
    assert written[0] <= 15
    assert heard == [heard[0]] * 3
    assert heard[0] <= 9


@pytest.mark.django_db(transaction=True)
def test_fifty_people_who_all_watch_reply_at_once(
    person: Person, deliver_outbox: Deliver
) -> None:
    topic = forum.topic(person("ada"))
    people = crowd(topic, 50)

    came = together(*[lambda by=user: forum.reply(topic, by) for user in people])

    assert [each for each in came if isinstance(each, Exception)] == []
    assert sorted(post.number for post in came) == list(range(2, 52))
    assert list(differences()) == []
    deliver_outbox()
    assert not Job.objects.filter(kind="fact").exclude(state="done").exists()
    # Everybody hears of the others, not of themselves: fifty for the asker.
    counts = Notification.objects.values_list("user__username", "count")
    assert dict(counts)["ada"] == 50
    assert EmailMessage.objects.filter(user__username="ada").count() == 1


@pytest.mark.django_db
def test_a_telling_that_crashes_is_repeated_and_tells_nobody_twice(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    sweep("fact")
    crowd(topic, 3)
    forum.reply(topic, ben)
    event = str(Event.objects.filter(name="ReplyPosted").latest("pk").pk)
    tell = notices._notify

    def crash_at_the_end(*args: Any) -> None:
        tell(*args)
        if args[1] == "watched":
            raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(notices, "_notify", crash_at_the_end)
        work("fact", event)
        assert not Notification.objects.exists()
    Job.objects.waiting().update(due_at=topic.created_at)
    work("fact", event)
    work("fact", event)

    counts = list(Notification.objects.values_list("count", flat=True))
    assert counts == [1, 1, 1, 1]
    assert EmailMessage.objects.count() == 1


@pytest.mark.django_db
def test_readers_are_those_for_whom_the_topic_is_visible(person: Person) -> None:
    author = person("author")
    people = [
        author,
        person("member"),
        person("staff", is_staff=True),
        person("mod", is_moderator=True),
        person("closed", is_active=False),
    ]
    for visibility in ("public", "members", "staff"):
        for is_hidden in (False, True):
            topic = forum.topic(author, category=forum.category(visibility))
            if is_hidden:
                opening = topic.posts.get(number=1)
                services.hide_post(opening, by=people[3], reason="Spam")
            topic = Topic.objects.select_related("category").get(pk=topic.pk)

            seen = {
                user.pk
                for user in people
                if user.is_active
                and Topic.objects.visible_to(user).filter(pk=topic.pk).exists()
            }

            assert set(readers_of(topic).values_list("pk", flat=True)) == seen


@pytest.mark.django_db
def test_one_message_each_by_what_they_are_to_the_topic(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben, cem, dan = (person(name) for name in ("ada", "ben", "cem", "dan"))
    topic = forum.topic(ada)
    for user in (cem, dan):
        services.set_level(topic, user=user, level="watching")
    set_preferences(dan, {"watched": True})

    forum.reply(topic, ben, "Ask @cem, or me, @ben.")
    deliver_outbox()

    assert [told(user) for user in (ada, ben, cem, dan)] == [
        ["reply"],
        [],
        ["mention"],
        ["watched"],
    ]
    mailed = EmailMessage.objects.values_list("user__username", flat=True)
    assert set(mailed) == {"ada", "cem", "dan"}


@pytest.mark.django_db
def test_an_opening_post_tells_whom_it_mentions(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben, chen = person("ada"), person("ben"), person("陈晨", locale="zh-hans")
    forum.topic(ada, title="Keys, please", text="谢谢@ben的回答。@陈晨你怎么看？ @ada")
    deliver_outbox()

    assert [told(user) for user in (ada, ben, chen)] == [[], ["mention"], ["mention"]]
    titles = Notification.objects.order_by("user_id").values_list("title", flat=True)
    assert list(titles) == [
        "ada mentioned you: Keys, please",
        "ada 提到了您：Keys, please",
    ]


@pytest.mark.django_db
def test_a_mention_reaches_only_who_may_read_it(
    person: Person, deliver_outbox: Deliver
) -> None:
    mod, ben = person("mod", is_moderator=True), person("ben")
    secret = forum.topic(mod, category=forum.category("staff"))
    forum.reply(secret, mod, "Ask @ben about it.")
    deliver_outbox()
    assert not Notification.objects.filter(user=ben).exists()

    forum.reply(forum.topic(mod), mod, "Ask @ben about it.")
    deliver_outbox()
    assert Notification.objects.filter(user=ben).count() == 1


@pytest.mark.django_db
def test_mentioning_half_the_forum_calls_ten(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    names = [person(f"friend{number}").username for number in range(14)]
    forum.reply(topic, ada, " ".join(f"@{name}" for name in names))
    deliver_outbox()
    assert Notification.objects.count() == 10


@pytest.mark.django_db
def test_an_acceptance_is_told_unless_it_was_taken_back(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    for is_taken_back in (True, False):
        topic = forum.topic(ada)
        answer = forum.reply(topic, ben)
        services.accept_answer(answer, by=ada)
        if is_taken_back:
            services.unaccept_answer(topic, by=ada)
        deliver_outbox()
        assert ("answer_accepted" in told(ben)) is not is_taken_back


@pytest.mark.django_db
def test_the_bell_and_the_mail_forget_what_their_reader_may_no_longer_see(
    person: Person, deliver_outbox: Deliver, client: Client
) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    topic = forum.topic(ada, title="About the merger")
    reply = forum.reply(topic, ben, "The price is secret.")
    deliver_outbox()
    client.force_login(ada)
    within = topic.category

    def bell() -> tuple[bool, str]:
        page = client.get("/notifications/").content.decode()
        count = client.get("/notifications/_unread/").content.decode()
        return "About the merger" in page, "".join(c for c in count if c.isdigit())

    assert bell() == (True, "1")
    services.hide_post(reply, by=mod, reason="Secret")
    assert bell() == (False, "")
    services.restore_post(reply, by=mod)
    assert bell() == (True, "1")
    services.move_topic(topic, by=mod, category=forum.category("staff"))
    assert bell() == (False, "")
    assert Topic.objects.visible_to(AnonymousUser()).count() == 0

    # Neither does the mail leave that had not left yet.
    mail = EmailMessage.objects.get(user=ada)
    work("mail", str(mail.pk))
    assert not EmailMessage.objects.filter(user=ada).exists()
    assert Job.objects.about("mail", mail.pk).get().state == "ignored"
    services.move_topic(Topic.objects.get(pk=topic.pk), by=mod, category=within)
    assert bell() == (True, "1")


@pytest.mark.django_db
def test_reading_the_topic_clears_the_bell_and_the_next_reply_is_mailed(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    first = forum.reply(topic, ben)
    deliver_outbox()

    services.mark_read(topic, user=ada, number=first.number - 1)
    assert Notification.objects.unread().filter(user=ada).count() == 1
    services.mark_read(topic, user=ada, number=first.number)
    assert not Notification.objects.unread().filter(user=ada).exists()
    forum.reply(topic, ben)
    deliver_outbox()

    assert EmailMessage.objects.filter(user=ada).count() == 2
    assert Notification.objects.unread().get(user=ada).count == 1


@pytest.mark.django_db
def test_a_closed_account_gets_no_mail_that_had_not_left(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    forum.reply(forum.topic(ada), ben)
    deliver_outbox()
    User.objects.filter(pk=ada.pk).update(is_active=False)

    sweep("mail")
    assert not EmailMessage.objects.exists()


def test_every_fact_that_tells_people_is_heard_outside_of_its_transaction() -> None:
    from outbox.registry import subscribers_of

    for fact in ("TopicCreated", "ReplyPosted", "AnswerAccepted"):
        heard = subscribers_of(fact)
        assert any(name.startswith("community.forum.subscribers.") for name in heard)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_told_of_a_reply_that_was_rolled_back(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)

    def cause() -> None:
        forum.reply(topic, ben)
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        cause()
    deliver_outbox()

    assert Post.objects.count() == 1
    assert not Notification.objects.exists()
    assert not Event.objects.filter(name=ReplyPosted.__name__).exists()
