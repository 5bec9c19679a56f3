"""What is kept of what is typed: whose, how much, for how long, and never what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from drafts import services
from drafts.exceptions import DraftAccepted, DraftTooLong
from drafts.models import Draft
from drafts.slots import Slot
from tests.drafts.half_typed import TYPED, signed_in
from tests.factories import forum
from tests.forms import form_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


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


def test_a_page_without_a_draft_costs_a_reader_one_query(
    person: Person, django_assert_num_queries: Any
) -> None:
    ada = person("ada")
    owner = services.Owner(ada)

    with django_assert_num_queries(1):
        assert services.newest(owner, "/x/") is None
