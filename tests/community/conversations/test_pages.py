"""The pages and the REST API of messages, for those who may and those who may not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tokens import create_token
from community.conversations.models import (
    MessagePreference,
    PrivateConversation,
    PrivateMessage,
)
from community.conversations.services import create_conversation, create_message
from community.moderation.models import Case

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


@pytest.fixture
def talk(person: Person) -> PrivateConversation:
    return create_conversation(
        [person("ben")], by=person("ada"), title="About keys", text="A **secret**."
    )


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_conversation_is_begun_and_answered(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    form = {"people": "@Ben", "title": "About keys", "text": "How is it?"}

    begun = browser(ada).post(reverse("conversations:conversation-create"), form)
    page = browser(ben).get(begun["Location"])
    answered = browser(ben).post(
        reverse(
            "conversations:message-create", args=[PrivateConversation.objects.get().pk]
        ),
        {"text": "Fine."},
    )

    assert "How is it?" in page.content.decode()
    assert answered["Location"].endswith("#m2")
    listed = browser(ada).get(reverse("conversations:conversation-list"))
    assert "1 new" in listed.content.decode()
    assert PrivateMessage.objects.count() == 2


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ("nobody-here", "Nobody is called “nobody-here” here."),
        ("ada", "You need not name yourself."),
        (",", "Name somebody to write to."),
        (",".join(f"p{n}" for n in range(10)), "Nine people are the most."),
    ],
)
def test_a_wrong_name_is_said_and_what_was_typed_stays(
    people: str, words: str, person: Person
) -> None:
    client = browser(person("ada"))
    form = {"people": people, "title": "About keys", "text": "What I typed"}

    answer = client.post(reverse("conversations:conversation-create"), form)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "What I typed" in answer.content.decode()
    assert not PrivateConversation.objects.exists()


def test_nobody_else_gets_anything_of_it(
    talk: PrivateConversation, person: Person
) -> None:
    message = talk.messages.get()
    reads = [
        talk.get_absolute_url(),
        reverse("conversations:message-report", args=[message.pk]),
    ]
    writes = [
        reverse(f"conversations:{name}", args=[pk])
        for name, pk in (
            ("message-create", talk.pk),
            ("conversation-leave", talk.pk),
            ("message-remove", message.pk),
            ("message-report", message.pk),
        )
    ]
    for stranger in (
        person("eve"),
        person("staff", is_staff=True, is_moderator=True, is_superuser=True),
    ):
        client = browser(stranger)
        assert {client.get(address).status_code for address in reads} == {404}
        assert {client.post(address).status_code for address in writes} == {404}
        for page in ("conversation-list", "message-export"):
            listed = client.get(reverse(f"conversations:{page}")).content.decode()
            assert "secret" not in listed
            assert "About keys" not in listed
        answer = client.get(f"/api/v1/conversations/{talk.pk}/messages/")
        assert answer.status_code == 404
        assert client.get("/api/v1/conversations/").json()["results"] == []
        found = client.get("/search/", {"q": "secret"}).content.decode()
        assert talk.get_absolute_url() not in found
    assert PrivateMessage.objects.filter(removed_at=None).count() == 1


def test_moderators_see_what_was_shown_to_them_and_nothing_more(
    talk: PrivateConversation, person: Person
) -> None:
    ben = talk.participants.get(user__username="ben").user
    create_message(talk, by=ben, text="The rest of it")
    first = talk.messages.get(number=1)
    mod = browser(person("mod", is_moderator=True))
    shown = browser(ben).get(reverse("conversations:message-report", args=[first.pk]))
    empty = browser(ben).post(
        reverse("conversations:message-report", args=[first.pk]), {"reason": "other"}
    )
    browser(ben).post(
        reverse("conversations:message-report", args=[first.pk]),
        {"reason": "other", "note": "Look at this"},
    )

    case = Case.objects.get()
    page = mod.get(case.get_absolute_url()).content.decode()
    queue = mod.get("/moderation/?kind=message").content.decode()
    over_rest = mod.get("/api/v1/cases/?kind=message").json()["results"]
    refused = browser(ben).get(case.get_absolute_url())
    mod.post(case.get_absolute_url(), {"act": "agreed", "note": "No."})

    assert "They see nothing else of the conversation." in shown.content.decode()
    assert empty.status_code == 422
    assert case.get_absolute_url() in queue
    for text in (page, str(over_rest)):
        assert "A **secret**." in text
        assert "The rest of it" not in text
        assert "About keys" not in text
    assert "Look at this" in page
    assert "nothing else of the conversation" in page
    assert over_rest[0]["message"] == first.pk
    assert refused.status_code == 403
    first.refresh_from_db()
    assert first.removed_at is not None


def test_a_message_is_reported_over_rest_by_who_got_it(
    talk: PrivateConversation, person: Person
) -> None:
    ben = talk.participants.get(user__username="ben").user
    place = f"/api/v1/messages/{talk.messages.get().pk}/flag/"
    body = {"reason": "spam"}

    stranger = browser(person("eve")).post(place, body, "application/json")
    author = browser(talk.started_by).post(place, body, "application/json")
    wordless = browser(ben).post(place, {"reason": "other"}, "application/json")
    got = browser(ben).post(place, body, "application/json")

    assert (stranger.status_code, author.status_code) == (404, 403)
    assert (wordless.status_code, got.status_code) == (400, 201)
    assert Case.objects.get().flags.get().person == ben


def test_what_one_wrote_oneself_is_not_reported_nor_anothers_taken_back(
    talk: PrivateConversation,
) -> None:
    message = talk.messages.get()
    ada, ben = talk.started_by, talk.participants.get(user__username="ben").user

    own = browser(ada).get(reverse("conversations:message-report", args=[message.pk]))
    other = browser(ben).post(
        reverse("conversations:message-remove", args=[message.pk])
    )

    assert (own.status_code, other.status_code) == (403, 403)


def test_pages_cost_the_same_for_few_and_many(
    talk: PrivateConversation, person: Person
) -> None:
    ada = talk.started_by
    client = browser(ada)
    pages = (reverse("conversations:conversation-list"), talk.get_absolute_url())

    def cost() -> list[int]:
        costs = []
        for page in pages:
            client.get(page)
            with CaptureQueriesContext(connection) as captured:
                client.get(page)
            costs.append(len(captured))
        return costs

    before = cost()
    for number in range(6):
        other = person(f"p{number}")
        create_conversation([other], by=ada, title="More", text="Hello", limited=False)
        create_message(talk, by=ada, text="More", limited=False)

    assert cost() == before


def test_earlier_messages_are_a_page_away(talk: PrivateConversation) -> None:
    for number in range(2, 60):
        create_message(talk, by=talk.started_by, text=f"Text {number}.", limited=False)
    client = browser(talk.started_by)

    latest = client.get(talk.get_absolute_url())
    earlier = client.get(
        talk.get_absolute_url(), {"cursor": latest.context["page"].next_cursor}
    )

    assert [message.number for message in latest.context["said"]] == list(range(10, 60))
    assert [message.number for message in earlier.context["said"]] == list(range(1, 10))


def test_who_may_write_is_chosen_on_its_page(person: Person) -> None:
    ada = person("ada")
    client = browser(ada)
    address = reverse("conversations:reach-edit")

    saved = client.post(address, {"messages_from": "followed"})
    wrong = client.post(address, {"messages_from": "x"})

    assert saved.status_code == 302
    assert wrong.status_code == 422
    assert MessagePreference.objects.get(user=ada).messages_from == "followed"


def test_what_one_wrote_is_a_file_to_keep(talk: PrivateConversation) -> None:
    ben = talk.participants.get(user__username="ben").user
    create_message(talk, by=ben, text="不是我写的")

    answer = browser(talk.started_by).get(reverse("conversations:message-export"))

    told = json.loads(answer.content)["messages"]
    assert [each["text"] for each in told] == ["A **secret**."]
    assert "attachment" in answer["Content-Disposition"]


def test_programs_read_and_write_with_the_scope_and_not_without(
    talk: PrivateConversation,
) -> None:
    ada = talk.started_by
    _token, secret = create_token(ada, name="a", scopes=["messages"])
    _other, without = create_token(ada, name="b", scopes=["read", "forum:write"])
    client = Client()

    def ask(method: str, path: str, token: str, **body: Any) -> Any:
        return client.generic(
            method,
            f"/api/v1/conversations/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"authorization": f"Bearer {token}"},
        )

    listed = ask("GET", "", secret).json()["results"]
    begun = ask("POST", "", secret, people=["ben"], title="More", text="Hello")
    sent = ask("POST", f"{talk.pk}/messages/", secret, text="By a program")
    read = ask("GET", f"{talk.pk}/messages/", secret).json()["results"]
    wrong = ask("POST", "", secret, people=["nobody-here"], title="More", text="Hello")

    assert listed[0]["people"] == [{"username": "ben", "name": "ben"}]
    assert begun.status_code == 201
    assert begun.json()["conversation"] != talk.pk
    assert sent.json()["text"] == "By a program"
    assert [each["number"] for each in read] == [2, 1]
    assert "people" in wrong.json()["errors"]
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"{talk.pk}/messages/")):
        assert ask(method, path, without).status_code == 403
    assert ask("DELETE", f"{talk.pk}/", secret).status_code == 204
    assert ask("GET", f"{talk.pk}/messages/", secret).status_code == 404


def test_hostile_text_is_inert(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    talk = create_conversation(
        [ben],
        by=ada,
        title="<script>alert(1)</script>",
        text="<script>alert(1)</script> [x](javascript:alert(1)) @ben",
    )

    page = browser(ben).get(talk.get_absolute_url()).content.decode()

    assert "<script>alert" not in page
    assert 'href="javascript' not in page
