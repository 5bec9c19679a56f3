"""A name somebody chooses never hides a page, nor passes for the site's own people."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.forms import Form
from django.test import Client
from django.urls import get_resolver, resolve

from accounts.services import create_organisation
from accounts.validators import USERNAME_VALIDATORS
from billing.catalogue.forms import NewPlanForm
from billing.growth.campaigns.forms import CampaignForm
from billing.growth.forms import ExperimentForm
from community.docs.models import VERSION_NAME
from community.forum.forms import TopicForm, checked_title
from community.forum.models import Category, Tag
from core.names import measure, routes_of, taken_at
from edge.fields import NameField
from tests.factories import forum

Person = Callable[..., Any]
# Each address that holds a name, and the view that shows what is called so.
ADDRESSES = {
    "u/": "profiles:profile-detail",
    "console/": "accounts:console-home",
    "docs/": "docs:version-home",
    "forum/c/": "forum:category-detail",
    "forum/tag/": "forum:tag-detail",
}


def is_username(name: str) -> bool:
    try:
        for validate in USERNAME_VALIDATORS:
            assert callable(validate)
            validate(name)
    except ValidationError:
        return False
    return True


def test_the_words_that_are_taken_come_from_the_addresses_there_are() -> None:
    assert "new" in taken_at("console/")
    assert "_vote" in taken_at("docs/")
    assert taken_at("u/") == taken_at("forum/c/") == taken_at("forum/tag/") == set()


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ADDRESSES)
def test_no_name_hides_a_page(prefix: str, person: Person) -> None:
    ada = person("ada")
    for word in ["new", *taken_at(prefix)]:
        if prefix == "console/":
            name = create_organisation(word, owner=ada).slug
        elif prefix == "u/":
            name = word if is_username(word) else "ada"
        elif prefix == "docs/":
            name = word if re.fullmatch(VERSION_NAME, word) else "1.0"
        elif prefix == "forum/c/":
            name = forum.category(slug=word).slug if word != "new" else "help"
        else:
            forum.topic(ada, tags=[word])
            name = Tag.objects.get(name=word).slug

        assert resolve(f"/{prefix}{name}/").view_name == ADDRESSES[prefix]


@pytest.mark.django_db
def test_names_in_chinese_do_not_run_out_of_addresses(person: Person) -> None:
    """All of them begin alike: enough bits follow for as many as there may ever be."""
    ada = person("ada")

    slugs = [create_organisation(name, owner=ada).slug for name in ("北风", "南风")]

    assert slugs[0] == "org"
    assert re.fullmatch(r"org-[0-9a-f]{8}", slugs[1])


# Addresses where a page of its own lies beside those that are named, and why no name
# hides behind it.
BESIDE_A_PAGE: dict[str, object] = {
    "console/": "the service finds another",
    "docs/": "versions are numbers",
    "models/": "a part of a page begins with _, a model never does",
    "staff/offers/campaigns/": CampaignForm,
    "staff/offers/experiments/": ExperimentForm,
    "staff/plans/": NewPlanForm,
    **dict.fromkeys(
        (
            *("playground/", "staff/analytics/reports/", "staff/quotes/"),
            *("staff/requests/", "staff/statements/"),
        ),
        "the product makes the name",
    ),
}


def test_every_named_address_beside_a_page_is_known() -> None:
    found = set()
    for route in routes_of(get_resolver()):
        named = re.match(r"^([^<]*)<(slug|str|path):\w+>/", route)
        if named and taken_at(named[1]):
            found.add(named[1])

    assert found == BESIDE_A_PAGE.keys()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("prefix", "form"),
    [item for item in BESIDE_A_PAGE.items() if isinstance(item[1], type)],
)
def test_staff_give_no_name_that_is_a_page(prefix: str, form: type[Form]) -> None:
    refused = [word for word in taken_at(prefix) if "key" in form({"key": word}).errors]
    taken = form({"key": "new"}).errors["key"]

    assert set(refused) == taken_at(prefix)
    assert taken == ["Another page has this address. Choose another."]
    assert "key" not in form({"key": "newer"}).errors


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "Admin", "ADMIN-", "4dmin", "adm1n", "a_d_m_i_n", "staff", "5taff"),
        *("Support", "supp0rt", "m0d", "Moderator", "doorstone", "D00rst0ne", "root"),
        *(
            "管理员",
            "客服",
            "官方_",
            "new\n",
            "a",
            "x" * 40,
            "аda",
            "ada\u200b",
            "@ada",
        ),
    ],
)
def test_names_that_speak_for_the_site_or_cannot_be_read_are_refused(name: str) -> None:
    assert not is_username(name)


@pytest.mark.parametrize(
    "name",
    ["ada", "小明", "staffan", "modesty", "admiral", "supporter", "ada_1", "陈晨-2"],
)
def test_names_of_people_pass(name: str) -> None:
    assert is_username(name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada\x08 \x1b[1mByron\x7f", "Ada [1mByron"),
        ("Ada\x0bByron\x1f1815", "Ada Byron 1815"),
        ("小\ufffe明\u202e", "小明"),
    ],
)
def test_a_name_is_on_one_line_and_holds_no_controls(typed: str, kept: str) -> None:
    assert NameField().to_python(typed) == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("如何流式输出", 12),
        ("Hello", 5),
        ("e\u0301", 1),
        ("👩‍👩‍👧‍👦", 2),
        ("👍🏽", 2),
        ("\u200b\u202e \u00ad", 0),
        ("ＡＩ", 4),
    ],
)
def test_a_text_is_measured_by_what_it_says(text: str, says: int) -> None:
    assert measure(text) == says


@pytest.mark.parametrize(
    "title", ["如何流式输出", "API 报错", "Keys die", "如何部署？"]
)
def test_a_whole_question_is_a_title(title: str) -> None:
    assert checked_title(title) == title


@pytest.mark.parametrize("title", ["help", "求助", "\u200b" * 20, "a" + "\u0301" * 20])
def test_a_word_is_no_title(title: str) -> None:
    with pytest.raises(ValidationError):
        checked_title(title)


@pytest.mark.django_db
def test_tags_are_known_by_their_name_and_each_has_an_address(
    person: Person, client: Client
) -> None:
    ada = person("ada")
    names = ["c", "c++", "c#", "C-Plus-Plus", "ＡＩ", "🙂", "部署", ".net"]

    for name in [*names, "C++", "ai", "Ｃ#"]:
        forum.topic(ada, tags=[name])

    tags = dict(Tag.objects.values_list("name", "topic_count"))
    assert tags == {
        "c": 1,
        "c++": 2,
        "c#": 2,
        "C-Plus-Plus": 1,
        "AI": 2,
        "🙂": 1,
        "部署": 1,
        ".net": 1,
    }
    for tag in Tag.objects.all():
        page = client.get(tag.get_absolute_url())
        assert f"#{tag.name}" in page.content.decode()
    assert len(set(Tag.objects.values_list("slug", flat=True))) == 8


@pytest.mark.django_db
def test_the_form_keeps_c_sharp_and_takes_a_hash_before_a_name(person: Person) -> None:
    values = {
        "kind": "question",
        "category": forum.category().pk,
        "title": "如何流式输出",
        "text": "Like this?",
        "tags": "c#, #python， C++、c++",
    }
    form = TopicForm(values, user=person("ada"))

    assert form.is_valid(), form.errors
    assert form.cleaned_data["tags"] == ["c#", "python", "C++"]
    assert Category.objects.count() == 1
