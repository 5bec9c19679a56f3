"""Who may read a chat and what becomes of it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client

from accounts.models import Membership
from accounts.services import add_member, create_organisation
from drafts.models import Draft
from inference.playground import services
from inference.playground.models import Chat, Message
from inference.playground.queries import conversation
from inference.usage.models import UsageEvent
from operations.services import reencrypt_secrets
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.factories.inference import offered_model, used
from tests.forms import form_of, forms_of

pytestmark = pytest.mark.django_db
Sharing = Chat.Sharing


@pytest.fixture
def team(ada: Any, person: Callable[..., Any]) -> Any:
    """Ada's team, with ben in it."""
    made = with_seats(create_organisation("Northwind", owner=ada), 5)
    add_member(made, user=person("ben"))
    return made


def signed_in(user: Any) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("sharing", "with_token", "readers"),
    [
        (Sharing.PRIVATE, False, {"ada"}),
        (Sharing.ORGANISATION, False, {"ada", "ben"}),
        (Sharing.LINK, False, {"ada"}),
        (Sharing.LINK, True, {"ada", "ben", "eve", "staff"}),
        (Sharing.PUBLIC, False, {"ada"}),
        (Sharing.PUBLIC, True, {"ada", "ben", "eve", "staff", "nobody"}),
    ],
)
def test_a_chat_is_read_by_whom_it_is_shared_with(
    sharing: str,
    with_token: bool,
    readers: set[str],
    ada: Any,
    team: Any,
    person: Callable[..., Any],
) -> None:
    chat = playground.chat(ada)
    services.share(chat, sharing, organisation=team)
    chat.refresh_from_db()
    people = {
        "ada": ada,
        "ben": Membership.objects.exclude(user=ada).get(organisation=team).user,
        "eve": person("eve"),
        "staff": person("staff", is_staff=True, is_superuser=True),
        "nobody": AnonymousUser(),
    }
    token = (chat.share_token or "") if with_token else ""

    found = {
        name
        for name, user in people.items()
        if Chat.objects.visible_to(user, token=token).filter(pk=chat.pk).count() == 1
    }

    assert found == readers


def test_a_withdrawn_link_never_opens_again(
    client: Client, ada: Any, person: Callable[..., Any]
) -> None:
    chat = playground.chat(ada)
    address = f"/playground/{chat.public_id}/share/"
    client.post(address, {"sharing": "public"})
    chat.refresh_from_db()
    first = f"/playground/shared/{chat.share_token}/"
    shown = signed_in(None).get(first)

    client.post(address, {"sharing": "private"})
    client.post(address, {"sharing": "public"})

    assert shown.status_code == 200
    assert shown["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert signed_in(person("eve")).get(first).status_code == 404
    chat.refresh_from_db()
    assert len(chat.share_token or "") >= 32
    again = f"/playground/shared/{chat.share_token}/"
    assert again != first
    assert signed_in(None).get(again).status_code == 200


def test_a_colleague_who_leaves_reads_no_more(ada: Any, team: Any) -> None:
    chat = playground.chat(ada)
    services.share(chat, Sharing.ORGANISATION, organisation=team)
    membership = Membership.objects.exclude(user=ada).get(organisation=team)
    client = signed_in(membership.user)
    before = client.get(chat.get_absolute_url()).status_code

    membership.delete()

    assert (before, client.get(chat.get_absolute_url()).status_code) == (200, 404)


@pytest.mark.parametrize(
    "what", ["", "stream/", "retry/", "rename/", "delete/", "share/", "vote/", "post/"]
)
def test_a_reader_changes_nothing(
    what: str, ada: Any, team: Any, client: Client
) -> None:
    chat = playground.chat(ada)
    services.share(chat, Sharing.ORGANISATION, organisation=team)
    ben = Membership.objects.exclude(user=ada).get(organisation=team).user
    before = Chat.objects.values().get(pk=chat.pk)
    form = {"title": "Mine", "sharing": "public", "prompt": "Hi", "model": "tiny"}

    answer = signed_in(ben).post(f"{chat.get_absolute_url()}{what}", form)

    assert answer.status_code == 403
    assert Chat.objects.values().get(pk=chat.pk) == before
    assert Message.objects.count() == 2
    assert not Draft.objects.exists()


def test_only_a_team_of_ones_own_can_be_shared_with(
    client: Client, ada: Any, person: Callable[..., Any]
) -> None:
    create_organisation("Elsewhere", owner=person("eve"))
    chat = playground.chat(ada)

    for slug in ("elsewhere", "ada", ""):
        form = {"sharing": "organisation", "organisation": slug}
        answer = client.post(f"{chat.get_absolute_url()}share/", form)
        assert answer.status_code == 422

    chat.refresh_from_db()
    assert chat.sharing == "private"


def test_calling_for_another_organisation_shows_the_chat_to_nobody_new(
    client: Client, ada: Any, team: Any
) -> None:
    offered_model("tiny")
    chat = playground.chat(ada)
    services.share(chat, Sharing.ORGANISATION, organisation=team)
    other = create_organisation("Southwind", owner=ada)
    form = {"model": "tiny", "prompt": "And?", "organisation": other.slug, "live": "1"}

    client.post(chat.get_absolute_url(), form)

    chat.refresh_from_db()
    assert chat.organisation == other
    assert chat.shared_with == team


def test_what_was_said_is_kept_encrypted(ada: Any) -> None:
    chat = playground.chat(
        ada,
        "The secret plan.",
        answers=["Also secret."],
        parameters={"system": "Secret!"},
    )

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM playground_chat")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT * FROM playground_message")
        rows += str(cursor.fetchall())

    assert "secret" not in rows.casefold()
    assert chat.title == "The secret plan."


def test_with_another_key_the_page_still_opens(
    client: Client, ada: Any, settings: Any
) -> None:
    chat = playground.chat(ada, "The secret plan.", answers=["Also secret."])
    settings.FIELD_KEYS = ["another-key-that-fits-nothing-there"]

    answer = client.get(chat.get_absolute_url())

    assert answer.status_code == 200
    assert "secret" not in answer.content.decode().casefold()


def test_rotated_keys_open_every_chat(ada: Any, settings: Any) -> None:
    playground.chat(ada, "The plan.", answers=["So be it."], parameters={"seed": 7})
    settings.FIELD_KEYS = ["a-new-key-of-its-own", *settings.FIELD_KEYS]

    counts = reencrypt_secrets()
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]

    assert (counts["chats"], counts["messages of chats"]) == (1, 2)
    asked, answer = Message.objects.order_by("number")
    assert (asked.chat.title, asked.content) == ("The plan.", "The plan.")
    assert asked.parameters == asked.chat.settings["parameters"] == {"seed": 7}
    assert answer.content == "So be it."


def test_a_chat_is_renamed_and_deleted(client: Client, ada: Any) -> None:
    chat = playground.chat(ada, "First line\nand a second")
    address = chat.get_absolute_url()
    assert chat.title == "First line"

    client.post(f"{address}rename/", {"title": "Better"})
    assert "Better" in client.get("/playground/chats/").content.decode()
    client.post(f"{address}rename/", {"title": " "})
    chat.refresh_from_db()
    assert chat.title == "First line"
    assert "Delete this chat?" in client.get(f"{address}delete/").content.decode()
    client.post(f"{address}delete/")

    assert Message.objects.count() == 0
    assert client.get(address).status_code == 404


def test_a_fork_goes_on_from_one_answer_and_charges_nothing_again(
    ada: Any, person: Callable[..., Any]
) -> None:
    offered_model("tiny")
    chat = playground.chat(
        ada, columns=["tiny", "grand"], answers=["Tiny says.", "Grand says."]
    )
    event = used(chat.organisation)  # type: ignore[arg-type]
    answers = chat.messages.filter(role="assistant").order_by("column")
    answers.update(usage=event)
    services.share(chat, Sharing.LINK, organisation=None)
    chat.refresh_from_db()
    client = signed_in(person("eve"))
    form = {"message": answers[1].pk, "share": chat.share_token}

    answer = client.post(f"{chat.get_absolute_url()}fork/", form)

    made = Chat.objects.exclude(pk=chat.pk).get()
    assert answer["Location"] == f"{made.get_absolute_url()}#ask"
    assert (made.owner.username, made.columns) == ("eve", ["grand"])
    said = [(m.role, m.column, m.content) for m in made.messages.order_by("number")]
    assert said == [("user", None, "Say hello."), ("assistant", 0, "Grand says.")]
    assert conversation(made, ()).price_nano == 0
    assert conversation(chat, ()).price_nano == 2 * event.price_nano
    # Without the link it is not there.
    assert (
        client.post(
            f"{chat.get_absolute_url()}fork/", {"message": form["message"]}
        ).status_code
        == 404
    )


def test_a_fork_of_a_question_has_it_ready_to_be_sent(client: Client, ada: Any) -> None:
    offered_model("tiny")
    chat = playground.chat(ada, "First.", answers=["One."], parameters={"seed": 7})
    services.go_on(
        chat,
        services.Prompt(text="Second.\nIn two lines."),
        organisation=chat.organisation,  # type: ignore[arg-type]
    )
    playground.answered(chat, "Two.")
    second = chat.messages.get(number=2)

    answer = client.post(f"{chat.get_absolute_url()}fork/", {"message": second.pk})

    form = form_of(client.get(answer["Location"]).content.decode(), "prompt")
    assert form.values["prompt"].strip() == "Second.\nIn two lines."
    made = Chat.objects.exclude(pk=chat.pk).get()
    assert [m.content for m in made.messages.order_by("number")] == ["First.", "One."]


def test_a_chat_becomes_a_draft_of_the_forum_and_nothing_is_posted(
    client: Client, ada: Any
) -> None:
    offered_model("tiny")
    forum.category(name="Help")
    chat = playground.chat(
        ada, answers=["```py\nprint(1)\n```"], parameters={"system": "Hidden."}
    )

    answer = client.post(f"{chat.get_absolute_url()}post/")

    form = form_of(client.get(answer["Location"]).content.decode(), "text")
    assert form.values["title"] == "Say hello."
    assert form.values["text"].strip() == (
        "> **Me**\n>\n> Say hello.\n\n> **Tiny**\n>\n> ```py\n> print(1)\n> ```"
    )
    assert "Hidden." not in json.dumps(form.values)
    assert form.values["kind"] == "discussion"


def test_chats_are_listed_a_page_at_a_time(
    client: Client, ada: Any, django_assert_num_queries: Any
) -> None:
    for number in range(35):
        playground.chat(ada, f"Question {number}")
    first = client.get("/playground/chats/")
    link = re.search(r'rel="next"\s+href="([^"]+)"', first.content.decode())
    assert link

    second = client.get(f"/playground/chats/{link[1].replace('&amp;', '&')}")

    shown = [
        re.findall(r">(Question \d+)<", page.content.decode())
        for page in (first, second)
    ]
    assert [len(each) for each in shown] == [30, 5]
    assert shown[0] + shown[1] == [f"Question {number}" for number in range(34, -1, -1)]


@pytest.mark.parametrize("size", [1, 20])
def test_a_page_costs_the_same_queries_however_much_it_shows(
    size: int, client: Client, ada: Any, team: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(size):
        offered_model(f"m{number}")
        latest = playground.chat(ada, f"Question {number}", columns=["m0"])
    for number in range(size):
        services.go_on(
            latest,
            services.Prompt(text=f"And {number}?"),
            organisation=team,
        )
        playground.answered(latest)
    for message in latest.messages.filter(role="assistant"):
        Message.objects.filter(pk=message.pk).update(usage=used(team))
    client.get("/playground/")
    services.share(latest, Sharing.PUBLIC, organisation=None)
    latest.refresh_from_db()

    for address, most in (
        ("/playground/", 12),
        (latest.get_absolute_url(), 15),
        (f"{latest.get_absolute_url()}answers/", 8),
        ("/playground/chats/", 7),
        ("/playground/chats/?of=team", 7),
        ("/playground/ranking/", 7),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200
    with django_assert_max_num_queries(9):
        signed_in(None).get(f"/playground/shared/{latest.share_token}/")
    assert UsageEvent.objects.count() == size + 1


def test_every_form_of_a_chat_is_protected(client: Client, ada: Any) -> None:
    offered_model("tiny")
    chat = playground.chat(ada, columns=["tiny", "tiny2"], is_blind=True)

    forms = forms_of(client.get(chat.get_absolute_url()).content.decode())

    own = [form for form in forms if form.action.startswith("/playground/")]
    assert {form.action.split("/")[3] for form in own} >= {
        "",
        "vote",
        "share",
        "rename",
    }
    assert all("csrfmiddlewaretoken" in form for form in own)
