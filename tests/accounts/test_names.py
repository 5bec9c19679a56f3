"""Names people choose: measured by what they say, and seen as they are."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation, User

pytestmark = pytest.mark.django_db
FORM = {"email": "ada@new.test", "password1": "a long pass phrase"}


@pytest.mark.parametrize("name", ["李明", "ada", "王小云", "x_明", "a1明"])
def test_a_name_of_two_chinese_characters_is_a_name(client: Client, name: str) -> None:
    answer = client.post("/accounts/signup/", {**FORM, "username": name})

    assert answer.status_code == 302
    assert User.objects.get().username == name


@pytest.mark.parametrize("name", ["明", "ab", "x_", "a"])
def test_a_shorter_one_is_refused_and_nobody_is_made(client: Client, name: str) -> None:
    answer = client.post("/accounts/signup/", {**FORM, "username": name})

    assert "username" in answer.context["form"].errors
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("云", "云"), ("a\u202eb", "ab"), ("\u200b\u200bx", ""), ("x", "")],
)
def test_a_team_has_a_name_that_says_something(
    client: Client, person: Callable[..., Any], typed: str, kept: str
) -> None:
    client.force_login(person("ada"))

    client.post("/console/new/", {"name": typed})

    teams = Organisation.objects.filter(kind="team")
    assert [team.name for team in teams] == ([kept] if kept else [])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("李 明", "李 明"),
        ("Ada\u202e\u2066 L", "Ada L"),
        ("", ""),
        ("\u200b", ""),
        ("\u3164", "Ada"),
        ("\u2800 \u2800", "Ada"),
    ],
)
def test_what_others_see_of_a_person_can_be_seen(
    client: Client, person: Callable[..., Any], typed: str, kept: str
) -> None:
    ada = person("ada", display_name="Ada")
    client.force_login(ada)

    client.post("/settings/profile/", {"display_name": typed})

    ada.refresh_from_db()
    assert ada.display_name == kept
