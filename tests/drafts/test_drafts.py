"""Nothing typed is lost or shown to another: every way a form can be refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.services import create_organisation
from billing.plans.services import ensure_default_plans
from community.forum import services as forum_services
from community.forum.models import Post
from drafts import services
from drafts.exceptions import DraftAccepted, DraftTooLong
from drafts.middleware import ACCEPTED_COOKIE
from drafts.models import Draft
from drafts.slots import Slot
from tests.factories import forum, playground
from tests.factories.growth import lead_of
from tests.forms import confirm, form_of, send

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
TYPED = "Four hundred words I will not type again 还有中文。"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client, page: str, field: str = "text") -> Any:
    return form_of(client.get(page).content.decode(), field).values[field]


def slot_of(client: Client, page: str, field: str = "text") -> Slot:
    token = form_of(client.get(page).content.decode(), field).values["draft"]
    slot = Slot.read(token)
    assert slot is not None
    return slot


def autosave(client: Client, page: str, field: str = "text", **typed: str) -> Any:
    form = form_of(client.get(page).content.decode(), field)
    values = form.values | typed
    return client.post("/drafts/save/", values | {"slot": values.pop("draft")})


def test_a_topic_sent_after_the_session_ended_is_there_after_signing_in(
    person: Person,
) -> None:
    ada = person("ada")
    forum.category(name="Help")
    client = signed_in(ada)
    form = form_of(client.get("/forum/new/").content.decode(), "text")
    client.logout()

    answer = client.post(
        "/forum/new/",
        form.values
        | {"title": "Lost?", "text": TYPED, "tags": "a, b", "kind": "discussion"},
    )

    assert answer["Location"].startswith("/accounts/login/")
    client.force_login(ada)
    again = form_of(client.get("/forum/new/").content.decode(), "text").values
    assert (again["title"], again["text"], again["tags"]) == ("Lost?", TYPED, "a, b")
    assert again["kind"] == "discussion"


def test_whoever_signs_in_instead_does_not_see_it(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    forum.category()
    client = signed_in(ada)
    form = form_of(client.get("/forum/new/").content.decode(), "text")
    client.logout()
    client.post("/forum/new/", form.values | {"title": "Mine only", "text": TYPED})

    client.force_login(ben)

    assert TYPED not in client.get("/forum/new/").content.decode()
    assert shown(signed_in(ada), "/forum/new/") == TYPED


def test_what_a_visitor_typed_is_theirs_once_they_sign_in(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client, other = Client(), Client()
    send(client, topic.get_absolute_url(), "text", text=TYPED)

    other.force_login(person("ben"))
    client.force_login(ada)

    assert shown(client, topic.get_absolute_url()) == TYPED
    assert shown(other, topic.get_absolute_url()) == ""


@pytest.mark.parametrize("reason", ["csrf", "422", "429", "500", "locked"])
def test_a_refused_reply_is_there_when_the_page_is_opened_again(
    person: Person, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    ben = person("ben")
    client = signed_in(ben)
    client.raise_request_exception = False
    values = form_of(client.get(page).content.decode(), "text").values
    values["text"] = TYPED if reason != "422" else TYPED + "x" * 40_000
    target = Client(enforce_csrf_checks=True) if reason == "csrf" else client
    target.cookies = client.cookies
    if reason == "csrf":
        values.pop("csrfmiddlewaretoken")
    if reason == "500":
        monkeypatch.setattr(forum_services, "post_reply", lambda *a, **k: 1 / 0)
    if reason == "locked":
        forum_services.set_locked(
            topic, by=person("mod", is_moderator=True), is_locked=True
        )
    if reason == "429":
        for number in range(20):
            forum_services.post_reply(topic, author=ben, text=f"Reply {number}.")

    answer = target.post(f"/forum/t/{topic.pk}/reply/", values)

    assert answer.status_code in {403, 422, 429, 500}
    assert "Draft-Accepted" not in answer
    assert not Post.objects.filter(source_md=TYPED).exists()
    assert Draft.objects.get().accepted_at is None
    if reason != "locked":
        assert shown(client, page) == values["text"]


def test_only_the_accepting_answer_ends_a_draft_and_it_names_which(
    person: Person,
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    autosave(client, page, text="Half a thought")
    slot = slot_of(client, page)

    answer = send(client, page, "text", text="A whole thought.")

    assert answer.status_code == 302
    assert answer["Draft-Accepted"] in answer.cookies[ACCEPTED_COOKIE].value
    assert slot.began_from in answer.cookies[ACCEPTED_COOKIE].value
    assert not answer.cookies[ACCEPTED_COOKIE]["httponly"]
    assert shown(client, page) == ""
    assert not Draft.objects.filter(accepted_at=None).exists()


def test_a_saving_that_arrives_after_the_answer_brings_nothing_back(
    person: Person,
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    form = form_of(client.get(page).content.decode(), "text")
    client.post(form.action, form.values | {"text": "Sent."})

    late = client.post("/drafts/save/", {"slot": form.values["draft"], "text": "Sent."})

    assert late.status_code == 410
    fresh = Slot.read(late.json()["token"])
    assert fresh is not None
    assert fresh.nonce != Slot.read(form.values["draft"]).nonce  # type: ignore[union-attr]
    assert shown(client, page) == ""


def test_two_tabs_never_overwrite_one_another(person: Person) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    one = form_of(client.get(page).content.decode(), "text").values
    two = form_of(client.get(page).content.decode(), "text").values

    def saving(form: dict[str, Any], text: str) -> None:
        client.post("/drafts/save/", {"slot": form["draft"], "text": text})

    saving(one, "Typed in one tab")
    saving(two, "Typed in the other")
    client.post(f"/forum/t/{topic.pk}/reply/", two | {"text": "Typed in the other"})

    assert shown(client, page) == "Typed in one tab"


def test_a_draft_taken_up_elsewhere_is_not_duplicated(person: Person) -> None:
    topic = forum.topic(person("ada"))
    ben = person("ben")
    page = topic.get_absolute_url()
    desk, phone = signed_in(ben), signed_in(ben)
    autosave(desk, page, text="Begun at the desk")

    autosave(phone, page, text="Begun at the desk, ended on the phone")

    assert Draft.objects.count() == 1
    assert shown(desk, page) == "Begun at the desk, ended on the phone"


def test_a_draft_another_tab_went_on_with_survives(person: Person) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    first = form_of(client.get(page).content.decode(), "text").values
    client.post("/drafts/save/", {"slot": first["draft"], "text": "One"})
    second = form_of(client.get(page).content.decode(), "text").values
    client.post("/drafts/save/", {"slot": first["draft"], "text": "One, longer"})

    client.post(f"/forum/t/{topic.pk}/reply/", second | {"text": "One"})

    assert shown(client, page) == "One, longer"


def test_what_is_typed_for_one_organisation_is_not_offered_for_another(
    person: Person,
) -> None:
    ada = person("ada")
    client = signed_in(ada)
    for name in ("Northwind", "Southwind"):
        create_organisation(name, owner=ada)
    north, south = (f"/console/{name}/budgets/" for name in ("northwind", "southwind"))

    autosave(client, north, "amount", amount="5000.00")

    assert shown(client, north, "amount") == "5000.00"
    assert shown(client, south, "amount") == ""


def test_a_quote_that_was_left_is_not_gone_on_with_for_another_lead(
    person: Person, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    ensure_default_plans()
    ada = person("ada", is_staff=True)
    north, south = (
        lead_of(create_organisation(name, owner=ada)).pk
        for name in ("Northwind", "Southwind")
    )
    client = signed_in(ada)
    page = "/staff/quotes/new/?lead="

    autosave(client, f"{page}{north}", "organisation", organisation="northwind")

    assert shown(client, f"{page}{north}", "organisation") == "northwind"
    assert shown(client, f"{page}{south}", "organisation") == "southwind"


def test_two_forms_of_a_page_keep_what_was_typed_apart(person: Person) -> None:
    team = create_organisation("Northwind", owner=person("ada"))
    page = f"/staff/leads/{lead_of(team).pk}/"
    client = signed_in(person("staff", is_staff=True))

    autosave(client, page, "text", text=TYPED)
    autosave(client, page, "outcome", outcome="won", amount="12.50")

    assert shown(client, page, "text").strip() == TYPED
    assert shown(client, page, "amount") == "12.50"


def test_a_form_without_much_text_ends_its_draft_as_well(
    person: Person, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    ada = person("ada", is_staff=True)
    team = create_organisation("Northwind", owner=ada)
    chat = playground.chat(ada, columns=["doorstone-docs"])
    client = signed_in(ada)
    sent = (
        (f"/staff/leads/{lead_of(team).pk}/", "outcome", {"outcome": "lost"}),
        (chat.get_absolute_url(), "title", {"title": "Keys"}),
        ("/messages/reach/", "messages_from", {"messages_from": "nobody"}),
    )

    answers = []
    for page, field, typed in sent:
        form = form_of(client.get(page).content.decode(), field)
        answers.append(client.post(form.action or page, form.values | typed))

    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert all("Draft-Accepted" in answer for answer in answers)


def test_a_draft_is_thrown_away_by_whoever_says_so(person: Person) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    autosave(client, page, text=TYPED)
    html = client.get(page).content.decode()
    token = form_of(html, "text").values["draft"]
    assert "What you typed" in html

    answer = client.post("/drafts/discard/", {"draft": token, "next": page})

    assert answer["Location"] == page
    assert shown(client, page) == ""


@pytest.mark.parametrize(
    "token", ["", "nonsense", "usr_x|n|||l|p:AAAA"], ids=["none", "text", "forged"]
)
def test_a_token_that_is_not_ours_keeps_nothing(person: Person, token: str) -> None:
    client = signed_in(person("ada"))

    answer = client.post("/drafts/save/", {"slot": token, "text": TYPED})

    assert answer.status_code == 400
    assert not Draft.objects.exists()


def test_nobody_saves_into_the_form_of_another(person: Person) -> None:
    topic = forum.topic(person("ada"))
    ben = signed_in(person("ben"))
    token = form_of(ben.get(topic.get_absolute_url()).content.decode(), "text").values

    answer = signed_in(person("chen")).post(
        "/drafts/save/", {"slot": token["draft"], "text": TYPED}
    )

    assert answer.status_code == 403
    assert not Draft.objects.exists()


def test_a_visitor_is_told_that_nothing_is_saved(client: Client) -> None:
    assert client.post("/drafts/save/", {"text": TYPED}).status_code == 401


def test_what_is_kept_is_encrypted_and_any_character_survives(person: Person) -> None:
    ada = person("ada")
    slot = Slot(owner=ada.public_id, place="/x/")

    services.keep(slot, {"text": [TYPED]}, owner=services.Owner(ada))
    services.keep(slot, {"text": ["a\0b 字"]}, owner=services.Owner(ada))

    assert "字" not in Draft.objects.get().body
    found = services.newest(services.Owner(ada), "/x/")
    assert found is not None
    assert found[1] == {"text": ["a\0b 字"]}


def test_passwords_and_tokens_are_never_kept(person: Person) -> None:
    fields = {
        "text": ["a"],
        "password": ["x"],
        "new_password1": ["y"],
        "csrfmiddlewaretoken": ["z"],
    }

    assert services.typed(fields) == {"text": ["a"]}


def test_more_than_is_kept_is_refused_and_not_cut(person: Person) -> None:
    ada = person("ada")
    slot = Slot(owner=ada.public_id, place="/x/")
    services.keep(slot, {"text": ["short"]}, owner=services.Owner(ada))

    with pytest.raises(DraftTooLong):
        services.keep(
            slot,
            {"text": ["x" * services.MOST_CHARACTERS]},
            owner=services.Owner(ada),
        )

    found = services.newest(services.Owner(ada), "/x/")
    assert found is not None
    assert found[1] == {"text": ["short"]}


def test_an_accepted_form_cannot_be_kept_again(person: Person) -> None:
    ada = person("ada")
    slot = Slot(owner=ada.public_id, place="/x/")
    services.accept(slot, owner=services.Owner(ada))

    with pytest.raises(DraftAccepted):
        services.keep(slot, {"text": ["late"]}, owner=services.Owner(ada))

    assert services.newest(services.Owner(ada), "/x/") is None


def test_the_oldest_drafts_of_a_person_make_room(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("ada")
    monkeypatch.setattr(services, "MOST_OF_ONE_PERSON", 2)

    for place in ("/a/", "/b/", "/c/"):
        slot = Slot(owner=ada.public_id, place=place)
        services.keep(slot, {"text": [place]}, owner=services.Owner(ada))

    assert set(Draft.objects.values_list("place", flat=True)) == {"/b/", "/c/"}


def test_what_nobody_came_back_for_is_forgotten(person: Person) -> None:
    ada = person("ada")
    ages = {"/new/": 29, "/old/": 31}
    for place, days in ages.items():
        slot = Slot(owner=ada.public_id, place=place)
        services.keep(slot, {"text": ["x"]}, owner=services.Owner(ada))
        Draft.objects.filter(place=place).update(
            saved_at=timezone.now() - timedelta(days=days)
        )

    assert services.prune_drafts() == 1
    assert Draft.objects.get().place == "/new/"


def test_a_quotation_is_added_to_what_was_typed(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada, text="It does not say.")
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    autosave(client, page, text="I had begun.")

    text = shown(client, f"{page}?quote=1")

    assert text.startswith("I had begun.\n\n> @ada:")


def test_an_edit_typed_from_an_older_text_still_meets_its_conflict(
    person: Person,
) -> None:
    ada = person("ada")
    post = forum.topic(ada).posts.get(number=1)
    page = f"/forum/p/{post.pk}/edit/"
    client = signed_in(ada)
    autosave(client, page, text="Mine, from the old text")
    forum_services.edit_post(
        post, editor=person("mod", is_moderator=True), text="Changed meanwhile"
    )

    answer = send(client, page, "text")

    assert answer.status_code == 409
    post.refresh_from_db()
    assert post.source_md == "Changed meanwhile"


def test_a_confirmed_password_sends_the_form_and_ends_its_draft(
    person: Person,
) -> None:
    client = signed_in(person("ada"))
    page = "/console/ada/keys/"

    asked = send(client, page, "name", name="Website")
    kept = shown(client, page, "name")
    done = confirm(client, asked)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert kept == "Website"
    assert done["Location"].endswith("/secret/")
    assert ACCEPTED_COOKIE in done.cookies
    assert shown(client, page, "name") == ""


def test_the_accepted_cookie_is_secure_where_the_site_is(settings: Any) -> None:
    settings.IS_HTTPS = True
    forms = form_of(Client().get("/pricing/talk/").content.decode(), "message")

    answer = Client().post(
        "/pricing/talk/",
        forms.values | {"name": "A", "email": "a@demo.test", "message": "Hello"},
    )

    assert answer.cookies[ACCEPTED_COOKIE]["secure"]


def test_a_page_without_a_draft_costs_a_reader_one_query(
    person: Person, django_assert_num_queries: Any
) -> None:
    ada = person("ada")
    owner = services.Owner(ada)

    with django_assert_num_queries(1):
        assert services.newest(owner, "/x/") is None


def test_the_longest_text_is_measured_in_characters_as_people_count(
    person: Person,
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    lines = "字\r\n" * 20_000

    answer = send(client, page, "text", text=lines)
    longer = send(client, page, "text", text=f"{lines}字字")

    assert answer.status_code == 302
    assert longer.status_code == 422
    assert "40002" in longer.content.decode().replace(",", "")
    assert form_of(longer.content.decode(), "text").values["text"].count("字") == 20_002
