from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from jobs.models import Job
from notifications import services
from notifications.exceptions import BadUnsubscribeLink
from notifications.fan_out import notify_all
from notifications.letters import letter_about
from notifications.models import EmailMessage, Kind, Notification, Preference
from notifications.registry import Letter
from notifications.tokens import UNSUBSCRIBE_SALT, unsubscribe_token
from tests.races import together

Person = Callable[..., Any]


def tell(user: Any, **fields: Any) -> Notification | None:
    """Tell ``user`` of a reply."""
    values = {
        "kind": Kind.REPLY,
        "dedupe_key": "topic:1",
        "url": "/forum/t/1/",
        "title": "Ben replied: Keys",
        **fields,
    }
    return services.notify(user.pk, values.pop("kind"), **values)


def letter(told: Notification | None) -> Letter:
    """Return the mail about a message as it would leave now."""
    assert told is not None
    leaving = letter_about(told.pk, user=told.user)
    assert leaving is not None
    return leaving


@pytest.mark.django_db
def test_somebody_is_told_in_the_product_and_by_mail(person: Person) -> None:
    ada = person("ada")

    notification = tell(ada, body="Like this.")

    mail = EmailMessage.objects.get()
    assert notification is not None
    assert list(Notification.objects.visible_to(ada).unread()) == [notification]
    assert (mail.to, mail.subject, mail.kind) == (
        "ada@example.test",
        "Ben replied: Keys",
        "reply",
    )
    leaving = letter(notification)
    assert (leaving.to, leaving.subject) == (mail.to, mail.subject)
    assert "Like this." in leaving.text
    assert "http://testserver/forum/t/1/" in leaving.text


@pytest.mark.django_db
def test_more_of_the_same_is_counted_and_mailed_once(person: Person) -> None:
    ada = person("ada")

    tell(ada)
    tell(ada, title="Cem replied: Keys", url="/forum/t/1/?n=3", body="Later.")

    notification = Notification.objects.get()
    assert (notification.count, notification.title) == (2, "Cem replied: Keys")
    assert notification.url == "/forum/t/1/"
    assert EmailMessage.objects.count() == 1


@pytest.mark.django_db
def test_what_comes_after_it_was_read_is_news_again(person: Person) -> None:
    ada = person("ada")
    tell(ada)
    tell(ada)
    services.mark_read(ada)

    tell(ada, url="/forum/t/1/?n=4", title="Cem replied: Keys")
    tell(ada)

    notification = Notification.objects.get()
    assert (notification.count, notification.read_at) == (2, None)
    assert notification.url == "/forum/t/1/?n=4"
    assert EmailMessage.objects.count() == 2
    assert EmailMessage.objects.latest("pk").subject == "Cem replied: Keys"


@pytest.mark.django_db
def test_nobody_is_told_of_what_they_did_themselves(person: Person) -> None:
    ada = person("ada")

    assert tell(ada, actor_id=ada.pk) is None
    assert not Notification.objects.exists()
    assert not EmailMessage.objects.exists()


@pytest.mark.django_db
def test_a_closed_account_is_told_nothing(person: Person) -> None:
    ada = person("ada", is_active=False)

    assert tell(ada) is None
    assert not Notification.objects.exists()
    assert not EmailMessage.objects.exists()


@pytest.mark.django_db
def test_mail_is_in_the_language_of_its_reader(person: Person) -> None:
    chen = person("chen", locale="zh-hans")
    ada = person("ada")

    to_chen, to_ada = letter(tell(chen)), letter(tell(ada))

    assert "不再接收此类邮件" in to_chen.text
    assert "Stop mails of this kind" in to_ada.text


@pytest.mark.django_db
def test_a_message_is_read_in_the_language_its_reader_has_now(
    person: Person, client: Client
) -> None:
    ada = person("ada", locale="en")
    notify_all(
        User.objects.filter(pk=ada.pk),
        Kind.BILLING,
        dedupe_key="plan",
        url="/",
        title=lambda: (
            gettext("The plan of %(organisation)s has ended") % {"organisation": "N"}
        ),
        body=lambda: gettext("Saved."),
    )
    client.force_login(ada)
    before = client.get("/notifications/").text
    User.objects.filter(pk=ada.pk).update(locale="zh-hans")

    after = client.get("/notifications/").text
    mailed = letter(Notification.objects.get())

    assert "The plan of N has ended" in before
    assert "The plan of N has ended" not in after
    assert "N 的套餐已结束" in after
    assert "N 的套餐已结束" in mailed.subject
    assert "已保存。" in mailed.text


@pytest.mark.django_db
def test_what_is_the_same_in_every_language_is_kept_once(person: Person) -> None:
    told = tell(person("ada"), title="Ben")

    assert told is not None
    assert (told.words, told.title_now) == ({}, "Ben")


@pytest.mark.django_db
def test_what_people_write_is_escaped_in_the_mail(person: Person) -> None:
    told = tell(person("ada"), title="<b>& co", body="<script>alert(1)</script>")

    mail = letter(told)
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "<b>& co" in mail.text


@pytest.mark.django_db
@pytest.mark.parametrize("kind", Kind.values)
def test_a_preference_decides_unless_nobody_may_miss_it(
    person: Person, kind: str
) -> None:
    ada = person("ada", is_staff=True)

    services.set_preferences(ada, {kind: False})
    without = services.email_choices(ada)[kind]
    services.set_preferences(ada, {kind: True})

    assert without is (kind in {Kind.SECURITY, Kind.MODERATION})
    assert services.email_choices(ada)[kind]


@pytest.mark.django_db
def test_what_is_mailed_unless_somebody_chose(person: Person) -> None:
    choices = services.email_choices(person("ada"))

    assert {kind for kind, by_email in choices.items() if not by_email} == {
        *("watched", "followed", "comment", "contribution", "offers"),
        *("report", "digest", "level"),
    }


@pytest.mark.django_db
def test_a_kind_that_is_off_is_still_told_in_the_product(person: Person) -> None:
    ada = person("ada")
    services.set_preferences(ada, {Kind.REPLY: False})

    tell(ada)

    assert Notification.objects.count() == 1
    assert not EmailMessage.objects.exists()


@pytest.mark.django_db
def test_turning_a_kind_off_holds_back_what_has_not_left(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    tell(ada)
    tell(ada, kind=Kind.MENTION, dedupe_key="mention:1")
    tell(ben)
    mention = EmailMessage.objects.get(kind=Kind.MENTION)
    EmailMessage.objects.filter(pk=mention.pk).update(sent_at=timezone.now())

    services.set_preferences(ada, {Kind.REPLY: False, Kind.MENTION: False})

    left = EmailMessage.objects.values_list("user__username", "kind")
    assert set(left) == {("ada", "mention"), ("ben", "reply")}
    assert Job.objects.filter(kind="mail").count() == 2


@pytest.mark.django_db
def test_choices_cost_one_query(person: Person, django_assert_num_queries: Any) -> None:
    ada = person("ada")

    with django_assert_num_queries(1):
        services.email_choices(ada)


@pytest.mark.django_db
def test_a_token_stops_one_kind_for_one_person(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    token = unsubscribe_token(ada, Kind.REPLY)

    kinds = [services.unsubscribe(token), services.unsubscribe(token)]

    assert kinds == [Kind.REPLY, Kind.REPLY]
    assert not services.email_choices(ada)[Kind.REPLY]
    assert services.email_choices(ada)[Kind.MENTION]
    assert services.email_choices(ben)[Kind.REPLY]


@pytest.mark.django_db
def test_a_token_of_a_deleted_person_stops_nothing_and_breaks_nothing(
    person: Person,
) -> None:
    ada = person("ada")
    token = unsubscribe_token(ada, Kind.REPLY)
    ada.pk = 10_000_000
    gone = unsubscribe_token(ada, Kind.REPLY)

    assert services.unsubscribe(gone) == Kind.REPLY
    assert not Preference.objects.exists()
    assert services.kind_of(token) == Kind.REPLY


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "a:b:c"])
def test_a_token_that_nobody_signed_is_refused(token: str) -> None:
    with pytest.raises(BadUnsubscribeLink):
        services.unsubscribe(token)

    assert not Preference.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "salt"),
    [
        ([1, "no-such-kind"], UNSUBSCRIBE_SALT),
        ([1], UNSUBSCRIBE_SALT),
        ("text", UNSUBSCRIBE_SALT),
        ([1, "reply"], "another.purpose"),
    ],
)
def test_a_token_that_was_not_ours_is_refused(content: object, salt: str) -> None:
    # Signed here: a token carries the second it was made in.
    token = signing.dumps(content, salt=salt)

    with pytest.raises(BadUnsubscribeLink):
        services.unsubscribe(token)

    assert not Preference.objects.exists()


@pytest.mark.django_db
def test_marking_read_is_ones_own_affair(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    tell(ada)
    tell(ada, dedupe_key="topic:2")
    tell(ben)
    first = Notification.objects.visible_to(ada).first()
    assert first is not None

    foreign = services.mark_read(ben, first.pk)
    one = services.mark_read(ada, first.pk)
    rest = services.mark_read(ada)
    again = services.mark_read(ada)

    assert (foreign, one, rest, again) == (0, 1, 1, 0)
    assert Notification.objects.unread().get().user == ben


@pytest.mark.django_db(transaction=True)
def test_told_twice_at_once_is_told_once(person: Person) -> None:
    ada = person("ada")
    tell(ada)
    services.mark_read(ada)

    together(*[lambda: tell(ada)] * 6)

    assert Notification.objects.get().count == 6
    assert EmailMessage.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_message_is_rolled_back_with_its_cause(person: Person) -> None:
    ada = person("ada")

    def cause() -> None:
        tell(ada)
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        cause()

    assert not Notification.objects.exists()
    assert not EmailMessage.objects.exists()
