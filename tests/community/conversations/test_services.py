"""Messages: who may write to whom, once, in order, and who hears of it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from community.conversations import services
from community.conversations.exceptions import (
    NobodyLeft,
    NotTaken,
    WrongPeople,
)
from community.conversations.models import (
    MessagePreference,
    Participant,
    PrivateConversation,
    PrivateMessage,
)
from community.forum.exceptions import TokenReused
from community.moderation.exceptions import CannotFlag
from community.moderation.models import Case
from community.moderation.queries import list_cases
from community.moderation.services import judge_case, reopen_case
from community.people.models import Stance
from community.people.services import set_stance
from community.standing.exceptions import TooManyLinks
from community.standing.models import Level, Trust
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


def test_who_is_new_begins_no_conversation_full_of_links(person: Person) -> None:
    new, ben = person("new"), person("ben")
    links = " ".join(f"https://buy.example/{number}" for number in range(3))

    with pytest.raises(TooManyLinks):
        start(new, ben, text=links, limited=True)

    assert PrivateConversation.objects.count() == 0
    # Who was written to may be sent what they ask for.
    talk = start(new, ben, text="https://buy.example/1", limited=True)
    services.create_message(talk, by=new, text=links)
    Trust.objects.update_or_create(user=new, defaults={"level": Level.BASIC})
    assert start(new, ben, text=links, limited=True)


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
    services.set_message_preference(cy, MessagePreference.From.NOBODY)

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
    services.set_message_preference(ben, MessagePreference.From.FOLLOWED)

    with pytest.raises(NotTaken):
        start(ada, ben)
    set_stance(ada, by=ben, kind=Stance.Kind.FOLLOW)
    assert start(ada, ben)
    set_stance(team, by=ben, kind=Stance.Kind.BLOCK)
    services.set_message_preference(ben, MessagePreference.From.NOBODY)
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


def flag(message: PrivateMessage, by: Any, reason: str = "spam") -> Case:
    return services.flag_message(message, by=by, reason=reason, limited=False).case


def test_a_report_holds_what_was_said_and_is_one_case(person: Person) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    conversation = start(ada, ben, cem, text="Buy this")
    message = conversation.messages.get()
    case = flag(message, ben)
    services.remove_message(message, by=ada)

    again, other = flag(message, ben), flag(message, cem)

    assert case.pk == again.pk == other.pk
    other.refresh_from_db()
    assert (other.kind, other.text, other.subject) == ("message", "Buy this", ada)
    assert (other.score, other.flags.count()) == (2, 2)
    assert list_cases(view="waiting", kind="message", by=ada, cursor=None).items == []
    mod = person("mod", is_moderator=True)
    waiting = list_cases(view="waiting", kind="", by=mod, cursor=None)
    assert [each.pk for each in waiting.items] == [case.pk]


def test_what_was_taken_back_before_anybody_reported_it_is_not_reported(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    message = start(ada, ben, text="Buy this").messages.get()
    services.remove_message(message, by=ada)

    with pytest.raises(CannotFlag):
        flag(message, ben)
    with pytest.raises(CannotFlag):
        flag(message, ada)

    assert not Case.objects.exists()


def test_a_decision_takes_a_message_away_and_undone_puts_it_back(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    conversation = start(ada, ben, text="Buy **this**")
    bad, fine = conversation.messages.get(), send(conversation, ada, text="Hello")
    case = flag(bad, ben)

    judge_case(case, outcome="agreed", by=mod, note="Advertising")
    judge_case(flag(fine, ben), outcome="disagreed", by=mod)

    texts = conversation.messages.order_by("number").values_list("source_md", flat=True)
    assert list(texts) == ["", "Hello"]
    told = Notification.objects.filter(kind="moderation").get()
    assert (told.user, told.body) == (ada, "Advertising")
    assert Notification.objects.filter(user=ben, kind="report").count() == 2
    reopen_case(Case.objects.get(pk=case.pk), by=mod)
    bad.refresh_from_db()
    assert (bad.source_md, bad.removed_at) == ("Buy **this**", None)
    assert "<strong>this</strong>" in bad.html
    assert bad.plain == "Buy this"


def test_what_its_author_took_back_no_undoing_brings_back(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    message = start(ada, ben, text="Buy this").messages.get()
    case = flag(message, ben)
    services.remove_message(message, by=ada)

    decided = judge_case(case, outcome="agreed", by=mod)
    reopen_case(decided, by=mod)

    message.refresh_from_db()
    assert not decided.did_change
    assert message.source_md == ""
    assert message.removed_at is not None


def test_reports_alone_take_no_message_away(person: Person) -> None:
    mods = [person(f"mod{n}", is_moderator=True) for n in range(4)]
    message = start(person("ada"), *mods, text="Buy this").messages.get()

    for mod in mods:
        case = flag(message, mod)

    message.refresh_from_db()
    assert case.hidden_at is None
    assert message.source_md == "Buy this"


def test_how_many_conversations_and_messages_depends_on_the_level(
    person: Person,
) -> None:
    others = [person(f"p{number}") for number in range(25)]

    def begun(level: Level | None) -> tuple[int, int]:
        by = person(f"level-{level}")
        if level is not None:
            Trust.objects.create(user=by, level=level)
        conversations = messages = 0
        talk = start(by, others[0])
        with suppress(RateLimited):
            for other in others:
                start(by, other, limited=True)
                conversations += 1
        with suppress(RateLimited):
            for _ in range(25):
                services.create_message(talk, by=by, text="Hello")
                messages += 1
        return conversations, messages

    assert begun(None) == (2, 20)
    assert begun(Level.BASIC) == (20, 25)
    assert begun(Level.LEADER) == (25, 25)


@pytest.mark.parametrize("blank", ["\u3164" * 9, "\u200b\u2800"])
def test_a_conversation_is_about_something_that_can_be_read(
    client: Client, person: Person, blank: str
) -> None:
    ada, _ben = person("ada"), person("ben")
    client.force_login(ada)
    sent = {"people": ["ben"], "title": blank, "text": "Hello."}

    over_rest = client.post(
        "/api/v1/conversations/", sent, content_type="application/json"
    )
    on_page = client.post("/messages/new/", sent | {"people": "ben"})

    assert (over_rest.status_code, on_page.status_code) == (400, 422)
    assert "title" in over_rest.json()["errors"]


def test_what_was_taken_back_is_taken_back_from_the_bell_as_well(
    client: Client, person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    talk = start(ada, ben, text="My password is hunter2")
    deliver_outbox()
    client.force_login(ben)
    assert "hunter2" in str(client.get("/api/v1/notifications/").json())

    services.remove_message(talk.messages.get(), by=ada)

    (told,) = client.get("/api/v1/notifications/").json()["results"]
    assert (told["title"], told["body"]) == ("ada wrote to you: About keys", "")
    assert "hunter2" not in client.get("/notifications/").content.decode()
