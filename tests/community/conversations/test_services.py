"""Messages: who may write to whom, once, in order, and who hears of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.models import Record
from community.conversations import services
from community.conversations.exceptions import (
    NobodyLeft,
    NotTaken,
    WrongPeople,
)
from community.conversations.models import (
    MessageReport,
    Participant,
    PrivateConversation,
    PrivateMessage,
    Reach,
)
from community.forum.exceptions import TokenReused
from community.people.models import Stance
from community.people.services import set_stance
from core.errors import RateLimited
from notifications.models import EmailMessage, Kind, Notification
from outbox.models import Event
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
Deliver = Callable[[], int]


def start(by: Any, *people: Any, **fields: Any) -> PrivateConversation:
    values = {"title": "About keys", "text": "Hello.", "limited": False, **fields}
    return services.create_conversation(people, by=by, **values)


def send(
    to: PrivateConversation, by: Any, text: str = "And then?", **fields: Any
) -> PrivateMessage:
    return services.create_message(to, by=by, text=text, limited=False, **fields)


def test_those_who_take_part_read_it_and_nobody_else(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    staff = person("staff", is_staff=True, is_moderator=True)
    conversation = start(ada, ben)

    for reader, sees in ((ada, True), (ben, True), (staff, False)):
        assert PrivateConversation.objects.visible_to(reader).exists() is sees
        assert PrivateMessage.objects.visible_to(reader).exists() is sees

    services.leave_conversation(conversation, by=ben)
    assert not PrivateMessage.objects.visible_to(ben).exists()
    assert PrivateMessage.objects.visible_to(ada).exists()


def test_everybody_but_the_author_is_told_until_they_have_read(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    conversation = start(ada, ben, cy)
    deliver_outbox()
    assert Notification.objects.filter(kind=Kind.MESSAGE).count() == 2
    assert EmailMessage.objects.filter(kind=Kind.MESSAGE).count() == 2
    first = Notification.objects.get(user=ben)
    assert first.title == "ada wrote to you: About keys"

    conversation.refresh_from_db()
    services.mark_read(conversation, user=ben)
    first.refresh_from_db()
    assert first.read_at is not None

    send(conversation, ben)
    conversation.refresh_from_db()
    services.mark_read(conversation, user=ada)
    deliver_outbox()
    assert not Notification.objects.filter(user=ada).exists()
    assert Notification.objects.get(user=cy).count == 2


def test_what_was_told_is_gone_for_who_left_and_when_it_was_taken_back(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    conversation = start(ada, ben)
    deliver_outbox()
    assert Notification.objects.visible_to(ben).count() == 1

    services.leave_conversation(conversation, by=ben)
    assert Notification.objects.visible_to(ben).count() == 0

    again = start(ada, ben, text="A secret")
    message = again.messages.get()
    services.remove_message(message, by=ada)
    deliver_outbox()
    assert not Notification.objects.filter(body__contains="secret").exists()


def test_the_fact_holds_nothing_of_what_was_said(person: Person) -> None:
    start(person("ada"), person("ben"), title="Private", text="A secret")

    payload = Event.objects.get(name="MessageSent").payload

    assert set(payload) == {"message_id", "conversation_id", "author_id"}


def test_a_conversation_is_of_two_to_ten_who_are_here(person: Person) -> None:
    ada = person("ada")
    many = [person(f"p{number}") for number in range(10)]
    gone = person("gone", is_active=False)

    for people in ([], [ada], [ada, many[0]], many, [gone]):
        with pytest.raises(WrongPeople):
            start(ada, *people)
    assert not PrivateConversation.objects.exists()
    assert start(ada, *many[:9], many[0]).participants.count() == 10


def test_who_blocks_gets_nothing_and_is_not_told_on(person: Person) -> None:
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    conversation = start(ada, ben)
    set_stance(ada, by=ben, kind=Stance.Kind.BLOCK)
    services.set_reach(cy, Reach.From.NOBODY)

    with pytest.raises(NotTaken) as blocked:
        start(ada, ben)
    with pytest.raises(NotTaken) as closed:
        start(ada, cy)
    with pytest.raises(NotTaken):
        send(conversation, ada)

    assert str(blocked.value).replace("ben", "cy") == str(closed.value)
    assert PrivateMessage.objects.count() == 1
    assert send(conversation, ben).number == 2


def test_in_a_group_one_persons_block_silences_nobody_for_the_others(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    conversation = start(ada, ben, cy)
    deliver_outbox()
    Notification.objects.all().delete()
    set_stance(ada, by=ben, kind=Stance.Kind.BLOCK)

    send(conversation, ada)
    deliver_outbox()

    assert list(Notification.objects.values_list("user__username", flat=True)) == ["cy"]
    set_stance(ada, by=cy, kind=Stance.Kind.BLOCK)
    with pytest.raises(NotTaken):
        send(conversation, ada)


def test_people_choose_who_may_begin(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    team = person("mod", is_moderator=True)
    services.set_reach(ben, Reach.From.FOLLOWED)

    with pytest.raises(NotTaken):
        start(ada, ben)
    set_stance(ada, by=ben, kind=Stance.Kind.FOLLOW)
    assert start(ada, ben)
    set_stance(team, by=ben, kind=Stance.Kind.BLOCK)
    services.set_reach(ben, Reach.From.NOBODY)
    assert start(team, ben)
    with pytest.raises(NotTaken):
        start(ada, ben)


def test_a_form_sent_twice_is_one_message(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    first = start(ada, ben, client_token="one")

    assert start(ada, ben, client_token="one") == first
    message = send(first, ben, client_token="two")
    assert send(first, ben, client_token="two") == message
    with pytest.raises(TokenReused):
        send(first, ben, text="Another", client_token="two")
    assert PrivateMessage.objects.count() == 2


def test_the_first_day_has_smaller_limits(person: Person) -> None:
    new, old = person("new"), person("old")
    User.objects.filter(pk=old.pk).update(
        date_joined=timezone.now() - timedelta(days=2)
    )
    old.refresh_from_db()
    others = [person(f"p{number}") for number in range(4)]

    def begin(by: Any) -> int:
        done = 0
        for other in others:
            try:
                start(by, other, limited=True)
            except RateLimited:
                break
            done += 1
        return done

    assert begin(new) == 2
    assert begin(old) == 4


def test_nobody_writes_where_everybody_else_has_left(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    conversation = start(ada, ben)
    services.leave_conversation(conversation, by=ben)

    with pytest.raises(NobodyLeft):
        send(conversation, ada)


@pytest.mark.django_db(transaction=True)
def test_messages_at_once_have_each_a_number(person: Person) -> None:
    people = [person(f"p{number}") for number in range(6)]
    conversation = start(people[0], *people[1:])

    outcomes = together(
        *[lambda user=user: send(conversation, user).number for user in people]
    )

    assert sorted(outcomes) == [2, 3, 4, 5, 6, 7]
    conversation.refresh_from_db()
    assert conversation.highest_number == 7
    places = Participant.objects.filter(conversation=conversation)
    assert set(places.values_list("last_message_at", flat=True)) == {
        conversation.last_message_at
    }


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_conversation(person: Person) -> None:
    ada, ben = person("ada"), person("ben")

    outcomes = together(*[lambda: start(ada, ben, client_token="x")] * 3)

    assert len({outcome.pk for outcome in outcomes}) == 1
    assert PrivateConversation.objects.count() == 1


def test_what_is_taken_back_is_gone_from_the_database_too(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    message = start(ada, ben, text="A secret").messages.get()

    services.remove_message(message, by=ben)
    message.refresh_from_db()
    assert message.source_md == "A secret"
    services.remove_message(message, by=ada)

    message.refresh_from_db()
    assert (message.source_md, message.html, message.plain) == ("", "", "")
    with pytest.raises(IntegrityError), transaction.atomic():
        PrivateMessage.objects.update(source_md="again")


def test_a_report_holds_what_was_said_and_one_moderator_decides(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    message = start(ada, ben, text="Buy this").messages.get()
    report = services.flag_message(message, by=ben, reason="Advertising")
    services.remove_message(message, by=ada)

    again = services.flag_message(message, by=ben, reason="Advertising again")

    assert again.pk == report.pk
    assert (again.text, again.reason) == ("Buy this", "Advertising again")
    services.mark_report(again, by=mod, outcome=MessageReport.Outcome.UPHELD)
    services.mark_report(again, by=mod, outcome=MessageReport.Outcome.DISMISSED)
    again.refresh_from_db()
    assert again.outcome == MessageReport.Outcome.UPHELD
    assert Record.objects.filter(action="message_report.decided").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        MessageReport.objects.update(outcome="")


def test_upheld_a_message_is_taken_away_and_dismissed_it_stays(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    conversation = start(ada, ben, text="Buy this")
    bad, fine = conversation.messages.get(), send(conversation, ada, text="Hello")

    for message, outcome in (
        (bad, MessageReport.Outcome.UPHELD),
        (fine, MessageReport.Outcome.DISMISSED),
    ):
        report = services.flag_message(message, by=ben, reason="Look")
        services.mark_report(report, by=mod, outcome=outcome)

    texts = conversation.messages.order_by("number").values_list("source_md", flat=True)
    assert list(texts) == ["", "Hello"]
