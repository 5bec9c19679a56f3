"""The pricing page's calculator, and talking instead of clicking."""

from typing import Any

import pytest
from django.test import Client

from billing.plans.services import ensure_default_plans
from notifications.models import EmailMessage
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db
MESSAGE = {
    "name": "Erin",
    "email": "erin@demo.test",
    "company": "Northwind",
    "seats": "40",
    "message": "We need an invoice and single sign-on.",
}


@pytest.fixture(autouse=True)
def _plans(db: None) -> None:
    ensure_default_plans()


def test_an_estimate_can_be_made_for_a_model(client: Client) -> None:
    offered_model("tiny")
    choice = client.get("/models/_rates/").content.decode()

    html = client.get("/pricing/?rates=1,2&tokens_in=3&tokens_out=4").content.decode()

    assert 'value="1,2"' in choice
    assert "That is <strong>$11.00</strong> of usage a month." in html
    assert 'value="1,2" selected' in html


def test_without_models_the_prices_are_typed(client: Client) -> None:
    html = client.get("/pricing/").content.decode()

    assert 'name="price_in"' in html
    assert 'name="rates"' not in html


@pytest.mark.parametrize("rates", ["1", "a,b", ",", "NaN,1", "1e99,1"])
def test_rates_that_make_no_sense_estimate_nothing(client: Client, rates: str) -> None:
    answer = client.get("/pricing/", {"rates": rates, "tokens_in": "0"})

    assert answer.status_code == 200
    assert "of usage a month.</p>" not in answer.content.decode()


def test_the_enterprise_plan_leads_to_a_form(client: Client) -> None:
    html = client.get("/pricing/").content.decode()

    assert 'href="/pricing/talk/?plan=enterprise"' in html
    assert client.get("/pricing/talk/?plan=enterprise").status_code == 200


def test_an_inquiry_is_mailed_once_however_often_it_is_sent(client: Client) -> None:
    for _ in range(2):
        answer = client.post("/pricing/talk/?plan=enterprise", MESSAGE)

    mail = EmailMessage.objects.get()
    assert answer.status_code == 302
    assert mail.to == "hello@doorstone.test"
    assert mail.headers == {"Reply-To": "erin@demo.test"}
    assert mail.subject == "Inquiry from Northwind"
    assert "Plan: enterprise" in mail.text
    assert "Seats: 40" in mail.text
    assert "Thank you." in client.get(answer["Location"]).content.decode()


def test_an_inquiry_that_cannot_be_answered_is_shown_again(client: Client) -> None:
    answer = client.post("/pricing/talk/", MESSAGE | {"email": "nowhere"})

    assert answer.status_code == 400
    assert "We need an invoice and single sign-on." in answer.content.decode()
    assert not EmailMessage.objects.exists()


def test_a_line_break_makes_no_header(client: Client) -> None:
    client.post("/pricing/talk/", MESSAGE | {"company": "North\r\nBcc: all@demo.test"})

    mail = EmailMessage.objects.get()
    assert "\n" not in mail.subject
    assert set(mail.headers) == {"Reply-To"}


def test_too_many_inquiries_from_one_place_wait(client: Client) -> None:
    answers: list[Any] = [
        client.post("/pricing/talk/", MESSAGE | {"message": f"Question {number}"})
        for number in range(6)
    ]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert EmailMessage.objects.count() == 5
