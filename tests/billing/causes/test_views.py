from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.causes.causes import Cause
from tests.factories.causes import estimate_of, few_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, person: Callable[..., Any], settings: Any) -> Client:
    settings.SECOND_FACTOR_REQUIRED = False
    client.force_login(person("staff", is_staff=True))
    return client


def page_of(client: Client, cause: Cause, language: str = "en") -> str:
    address = reverse("causes:detail", args=[cause])
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_has_every_cause_before_anything_is_computed(staff: Client) -> None:
    page = staff.get(reverse("causes:list")).content.decode()

    assert page.count("not computed yet") == len(Cause)


def test_the_list_costs_the_same_however_many_nights_there_were(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    for cause in Cause:
        for day in range(1, 20):
            estimate_of(cause, day=day)

    with django_assert_max_num_queries(11):
        page = staff.get(reverse("causes:list")).content.decode()

    assert page.count("+10.0 pp (+2.0 to +18.0)") == len(Cause)
    assert page.count("an effect is found") == len(Cause)


def test_a_number_that_compares_other_people_is_not_on_the_list(staff: Client) -> None:
    estimate_of(Cause.DOCS_READ, verdict="no_overlap")

    page = staff.get(reverse("causes:list")).content.decode()

    assert "+10.0 pp" not in page
    assert "nobody is like those it happened to" in page
    assert "Do not read this number" in page_of(staff, Cause.DOCS_READ)


def test_a_failed_check_is_said_beside_the_number(staff: Client) -> None:
    estimate_of(Cause.DOCS_READ, control_low=0.05)

    page = page_of(staff, Cause.DOCS_READ)

    assert "with doubt" in page
    assert "not passed" in page
    assert "take the effect for a limit" in page


def test_one_page_says_what_speaks_for_it_and_against(staff: Client) -> None:
    estimate_of(Cause.FAST_REPLY)

    page = page_of(staff, Cause.FAST_REPLY)

    assert "Of those it happened to, 30.0 % paid." in page
    assert "it would have been 20.0 %" in page
    assert "The plain difference between both groups is 15.0 %" in page
    assert "worth 120 equally weighted" in page
    assert "Pages looked at (logarithm)" in page
    assert "+0.50" in page
    assert "passed" in page
    assert "2.4 times as likely" in page
    assert page.count("<meter") == 20


def test_too_few_is_said_with_its_reason_and_without_a_number(staff: Client) -> None:
    few_of(Cause.CONTRIBUTION)

    page = page_of(staff, Cause.CONTRIBUTION)

    assert "fewer than 10 of them paid afterwards" in page
    assert " pp (" not in page


def test_a_cause_that_was_never_computed_has_a_page(staff: Client) -> None:
    assert "Nothing is computed yet" in page_of(staff, Cause.CONTRIBUTION)


def test_a_cause_nobody_asked_about_is_not_there(staff: Client) -> None:
    assert staff.get("/staff/causes/weather/").status_code == 404


def test_the_pages_speak_chinese(staff: Client) -> None:
    estimate_of(Cause.DOCS_READ)

    page = page_of(staff, Cause.DOCS_READ, "zh-Hans")

    assert "什么影响 α" in page
    assert "The effect" not in page
