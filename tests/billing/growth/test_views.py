"""What people and staff see, in both languages, with and without scripts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from billing.growth.deciding import DecisionUnit
from billing.growth.models import Catalogue, Decision, Exposure, Offer, Policy
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from core.money import NANO
from notifications.models import Kind
from notifications.services import set_preferences
from tests.billing.growth.conftest import WORDS, make_offer
from tests.factories.accounts import with_seats
from tests.signing_in import age_sign_in, record_sign_in

pytestmark = pytest.mark.django_db
MOMENT = Moment.THIRD_ANSWER
Person = Callable[..., Any]
Making = Callable[..., Offer]


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    record_sign_in(client, user)
    return client


def offer_to(user: Any) -> Decision:
    unit = DecisionUnit(personal_organisation(user).pk, user.pk)
    return Decision.objects.get(pk=occur(MOMENT, unit, occasion="1").id)


def slot(user: Any, surface: str = "console", **query: str) -> str:
    address = reverse("growth:slot", args=[surface])
    return signed_in(user).get(address, query).content.decode()


def test_a_slot_shows_what_was_offered_in_the_readers_language(
    person: Person, offered: Making
) -> None:
    offered("talk")
    ada, li = person("ada"), person("li", locale="zh-hans")
    for user in (ada, li):
        offer_to(user)

    assert "Title" in slot(ada)
    assert "标题" in slot(li)
    assert slot(person("ben")).strip() == ""
    assert slot(ada, "pricing").strip() == ""
    assert Client().get(reverse("growth:slot", args=["console"])).content == b""


def test_a_slot_that_no_page_has_is_not_there(person: Person) -> None:
    client = signed_in(person("ada"))

    for surface in ("mail", "gateway", "cancel", "x"):
        assert client.get(f"/_growth/slot/{surface}/").status_code == 404


def test_who_says_no_afterwards_sees_nothing_any_more(
    person: Person, offered: Making
) -> None:
    offered("talk")
    ada = person("ada")
    offer_to(ada)
    set_preferences(ada, {Kind.OFFERS.value: False})

    assert slot(ada).strip() == ""


def test_an_offer_to_a_team_is_shown_to_who_looks_after_its_money(
    person: Person, offered: Making
) -> None:
    offered("talk")
    ada, ben = person("ada"), person("ben")
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    occur(MOMENT, DecisionUnit(team.pk), occasion="1")

    assert "Title" in slot(ada, org=team.slug)
    assert slot(ada, org=personal_organisation(ada).slug).strip() == ""
    assert slot(ben, org=team.slug).strip() == ""


def test_a_slot_costs_few_queries(person: Person, offered: Making) -> None:
    offered("talk")
    ada = person("ada")
    offer_to(ada)
    client = signed_in(ada)
    client.get(reverse("growth:slot", args=["console"]))

    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("growth:slot", args=["console"]))

    # Session, reader, their organisation, the offer, their teams, their choice.
    assert len(queries) <= 7


def test_what_came_into_view_is_noted_once(person: Person, offered: Making) -> None:
    offered("talk")
    ada, eve = person("ada"), person("eve")
    decision = offer_to(ada)
    address = reverse("growth:seen", args=[decision.uuid])

    for user in (ada, ada, eve):
        answer = signed_in(user).post(f"{address}?from=console")
        assert answer.status_code == 204

    exposure = Exposure.objects.get()
    assert (exposure.user, exposure.surface) == (ada, "console")


def test_an_offer_is_accepted_from_its_page_without_scripts(
    person: Person, offered: Making
) -> None:
    offered("guide", kind=Offer.Kind.DOCS, target="/docs/")
    ada = person("ada")
    decision = offer_to(ada)
    client = signed_in(ada)

    page = client.get(reverse("growth:offer", args=[decision.uuid]) + "?from=mail")
    answer = client.post(reverse("growth:accept", args=[decision.uuid]))
    after = client.get(reverse("growth:offer", args=[decision.uuid]))
    twice = client.post(
        reverse("growth:accept", args=[decision.uuid]), follow=True
    ).content.decode()

    assert "Title" in page.content.decode()
    assert Exposure.objects.get().surface == "mail"
    assert answer["Location"] == "/docs/"
    assert "It was accepted on" in after.content.decode()
    assert "This offer is over. Nothing was changed." in twice


def test_a_wish_travels_through_an_accepted_offer(
    person: Person, offered: Making
) -> None:
    offered("plans", kind=Offer.Kind.PLAN)
    ada = person("ada")
    decision = offer_to(ada)

    answer = signed_in(ada).post(
        reverse("growth:accept", args=[decision.uuid]), {"next": "/playground/?model=m"}
    )

    assert answer["Location"] == "/pricing/?org=ada&next=/playground/%3Fmodel%3Dm"


def test_an_offer_of_somebody_else_is_not_there(
    person: Person, offered: Making
) -> None:
    offered("talk")
    decision = offer_to(person("ada"))
    eve = signed_in(person("eve"))

    for name in ("accept", "dismiss"):
        answer = eve.post(reverse(f"growth:{name}", args=[decision.uuid]))
        assert answer.status_code == 404
    assert eve.get(reverse("growth:offer", args=[decision.uuid])).status_code == 404
    decision.refresh_from_db()
    assert decision.accepted_at is decision.dismissed_at is None


def test_a_refused_call_in_the_playground_is_answered_with_an_offer(
    person: Person, catalogue: None, settings: Any
) -> None:
    ada, ben = person("ada"), person("ben")

    shown = signed_in(ada).get("/console/ada/_upgrade/").content.decode()
    settings.GROWTH_HOLDOUT_PERCENT = 100
    held = signed_in(ben).get("/console/ben/_upgrade/").content.decode()

    assert "See the plans" in shown
    assert held.strip() == ""
    assert list(Decision.objects.order_by("pk").values_list("moment", "reason")) == [
        ("premium_refused", "offered"),
        ("premium_refused", "holdout"),
    ]


def test_a_member_who_follows_a_hint_of_the_api_is_led_to_the_plans(
    person: Person, offered: Making
) -> None:
    offered("talk", surfaces=["gateway"])
    ada, ben = person("ada"), person("ben")
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    address = reverse("growth:offer", args=[occur_for(team.pk)])

    assert signed_in(ada).get(address).status_code == 200
    assert signed_in(ben).get(address)["Location"] == "/pricing/"
    assert signed_in(person("eve")).get(address).status_code == 404


def occur_for(organisation_id: int) -> Any:
    return occur(MOMENT, DecisionUnit(organisation_id), occasion="1").uuid


@pytest.fixture
def staff(person: Person) -> Client:
    return signed_in(person("staff", is_staff=True))


def fields(**changed: Any) -> dict[str, Any]:
    return {
        **WORDS,
        "key": "new_trial",
        "kind": "premium_trial",
        "surfaces": ["console", "mail"],
        "plan": "pro",
        "days": "7",
        "cost": "1.50",
        "budget": "300",
        "holdout_percent": "10",
        "valid_days": "14",
        **changed,
    }


def test_staff_write_an_offer_and_see_it_in_both_languages(
    staff: Client, catalogue: None
) -> None:
    from billing.plans.services import ensure_default_plans

    ensure_default_plans()

    answer = staff.post(reverse("growth:offer-new"), fields())

    offer = Offer.objects.get(key="new_trial")
    assert answer["Location"] == reverse("growth:offer-edit", args=["new_trial"])
    assert (offer.cost_nano, offer.budget_nano) == (15 * NANO // 10, 300 * NANO)
    assert offer.state == "draft"
    page = staff.get(answer["Location"]).content.decode()
    assert "Title" in page
    assert "标题" in page


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"plan": "gone"}, "plan"),
        ({"days": ""}, "days"),
        ({"budget": ""}, "budget"),
        ({"cost": "1", "credit": "2"}, "cost"),
        ({"kind": "docs", "target": "https://evil.test/"}, "target"),
        ({"kind": "docs", "target": "//evil.test/"}, "target"),
        ({"kind": "credits"}, "credit"),
        ({"surfaces": ["moon"]}, "surfaces"),
        ({"key": "premium_trial"}, "key"),
        ({"key": "Not A Name"}, "key"),
        ({"holdout_percent": "51"}, "holdout_percent"),
        ({"title_zh": ""}, "title_zh"),
    ],
)
def test_what_is_wrong_with_an_offer_is_said_at_its_field_and_nothing_is_lost(
    staff: Client, catalogue: None, changed: dict[str, Any], field: str
) -> None:
    from billing.plans.services import ensure_default_plans

    ensure_default_plans()
    before = Offer.objects.count()

    answer = staff.post(reverse("growth:offer-new"), fields(**changed))

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "正文。" in answer.content.decode()
    assert Offer.objects.count() == before


def test_a_budget_is_never_below_what_is_reserved(
    staff: Client, person: Person, offered: Making
) -> None:
    offered("talk", cost_nano=20 * NANO, budget_nano=100 * NANO)
    offer_to(person("ada"))

    answer = staff.post(
        reverse("growth:offer-edit", args=["talk"]),
        fields(key="talk", kind="talk", budget="10", cost="5"),
    )

    assert "budget" in answer.context["form"].errors
    assert Offer.objects.get(key="talk").budget_nano == 100 * NANO


def test_a_changed_offer_is_met_by_the_next_decision(
    staff: Client, person: Person, offered: Making
) -> None:
    offered("talk")
    before = offer_to(person("ada"))

    staff.post(
        reverse("growth:offer-edit", args=["talk"]),
        fields(key="talk", kind="talk", title_en="Other", holdout_percent="0"),
    )
    after = offer_to(person("ben"))
    staff.post(reverse("growth:offer-state", args=["talk"]), {"state": "retired"})
    last = offer_to(person("cyd"))

    assert (before.offer_version, after.offer_version) == (1, 2)
    assert last.reason == "no_offer"


def test_what_an_active_offer_gives_is_changed_only_after_a_recent_sign_in(
    staff: Client, offered: Making
) -> None:
    offered("talk")
    address = reverse("growth:offer-edit", args=["talk"])
    age_sign_in(staff, minutes=6)
    sent = fields(key="talk", kind="talk", budget="900")

    asked = staff.post(address, sent)
    Offer.objects.filter(key="talk").update(state=Offer.State.DRAFT)
    drafted = staff.post(address, sent)

    assert "reauthenticate" in asked["Location"]
    assert drafted["Location"] == address
    assert Offer.objects.get(key="talk").budget_nano == 900 * NANO


def test_staff_put_a_policy_into_force_and_the_old_one_is_kept(
    staff: Client, catalogue: None
) -> None:
    make_offer("a")
    make_offer("b")
    address = reverse("growth:moment", args=[MOMENT])
    values = {"mode": "bandit", "floor": "10", "offer_1": "b", "offer_2": "a"}

    wrong = staff.post(address, {**values, "offer_3": "a"})
    answer = staff.post(address, values)

    assert wrong.status_code == 422
    assert answer["Location"] == address
    policies = list(Policy.objects.filter(moment=MOMENT).order_by("version"))
    assert [(p.version, p.retired_at is None) for p in policies] == [
        (1, False),
        (2, True),
    ]
    assert [entry.offer.key for entry in policies[1].entries.order_by("rank")] == [
        "b",
        "a",
    ]
    assert policies[1].floor == 0.1


def test_the_page_of_moments_counts_what_followed(
    staff: Client, person: Person, offered: Making
) -> None:
    offered("talk")
    ada = person("ada")
    decision = offer_to(ada)
    offer_to(person("staff2", is_staff=True))
    signed_in(ada).post(reverse("growth:accept", args=[decision.uuid]))
    Decision.objects.filter(pk=decision.pk).update(paid_at=timezone.now())

    page = staff.get(reverse("growth:moments"))

    row = next(each for each in page.context["rows"] if each.moment == MOMENT)
    assert (row.occurred, row.offered, row.nothing) == (2, 1, 1)
    assert (row.seen, row.accepted, row.paid, row.held_out) == (1, 1, 1, 0)
    Decision.objects.update(decided_at=timezone.now() - timedelta(days=31))
    page = staff.get(reverse("growth:moments"))
    assert {each.occurred for each in page.context["rows"]} == {0}


def test_an_installation_that_decided_nothing_shows_what_it_begins_with(
    staff: Client, db: None
) -> None:
    assert not Catalogue.objects.exists()

    page = staff.get(reverse("growth:offer-list")).content.decode()

    assert "premium_trial" in page
    assert Offer.objects.filter(state="active").count() == 6


def test_sums_of_few_are_said_to_prove_nothing(
    staff: Client, person: Person, offered: Making, settings: Any
) -> None:
    offered("talk")
    offer_to(person("ada"))
    settings.GROWTH_HOLDOUT_PERCENT = 100
    offer_to(person("ben"))

    for name in ("lift", "month"):
        page = staff.get(reverse(f"growth:{name}")).content.decode()

        assert "What the offers brought in all" in page
        assert "So few organisations prove nothing" in page
