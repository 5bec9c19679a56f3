"""A draft is gone on with, apart from every other, until what it became is accepted."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.services import create_organisation
from billing.plans.services import ensure_default_plans
from drafts.middleware import ACCEPTED_COOKIE
from drafts.models import Draft
from drafts.slots import Slot
from tests.drafts.half_typed import TYPED, autosave, shown, signed_in, slot_of
from tests.factories import forum, playground
from tests.factories.growth import lead_of
from tests.forms import form_of, send

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


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


def test_a_quotation_is_added_to_what_was_typed(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada, text="It does not say.")
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    autosave(client, page, text="I had begun.")

    text = shown(client, f"{page}?quote=1")

    assert text.startswith("I had begun.\n\n> @ada:")


def test_the_accepted_cookie_is_secure_where_the_site_is(settings: Any) -> None:
    settings.IS_HTTPS = True
    forms = form_of(Client().get("/pricing/talk/").content.decode(), "message")

    answer = Client().post(
        "/pricing/talk/",
        forms.values | {"name": "A", "email": "a@demo.test", "message": "Hello"},
    )

    assert answer.cookies[ACCEPTED_COOKIE]["secure"]
