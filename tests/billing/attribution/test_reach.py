"""Authors hear of three paying organisations and more, and of nobody in particular."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.attribution import services
from billing.attribution.models import ToldReach
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_refund
from community.reputation.models import Reach
from jobs.models import Job
from tests.billing.attribution.conftest import DAY, PAID, Team, see, told
from tests.factories import forum

pytestmark = pytest.mark.django_db
TeamOf = Callable[..., Team]


@pytest.fixture
def author(person: Callable[..., Any]) -> Any:
    return person("author")


@pytest.fixture
def topic(author: Any, deliver_outbox: Callable[[], int]) -> Any:
    topic = forum.topic(author)
    deliver_outbox()
    return topic


def readers(team_of: TeamOf, topic: Any, count: int) -> list[Team]:
    """Return teams whose founders read a topic before they paid."""
    teams = [team_of(f"reader{number}") for number in range(count)]
    for team in teams:
        see(f"topic:{topic.pk}", 3, user_id=team.founder.pk)
        team.pay()
    return teams


def hear(deliver: Callable[[], int]) -> dict[tuple[str, int], int]:
    services.replace_ways()
    deliver()
    return {(row.kind, row.object_id): row.organisations for row in Reach.objects.all()}


def test_two_are_told_to_nobody_and_three_to_the_author(
    team_of: TeamOf, topic: Any, author: Any, deliver_outbox: Callable[[], int]
) -> None:
    readers(team_of, topic, 2)
    two = hear(deliver_outbox)
    third = team_of("third")
    see(f"topic:{topic.pk}", 2, user_id=third.founder.pk)
    third.pay()

    three = hear(deliver_outbox)

    assert two == {}
    assert three == {("topic", topic.pk): 3}
    assert Reach.objects.get().user == author


def test_an_organisation_whose_money_went_back_does_not_count_any_more(
    team_of: TeamOf, topic: Any, deliver_outbox: Callable[[], int]
) -> None:
    teams = readers(team_of, topic, 2)
    last = team_of("last")
    see(f"topic:{topic.pk}", 2, user_id=last.founder.pk)
    invoice = last.pay(500)
    before = hear(deliver_outbox)

    record_refund(
        RefundRecord(
            stripe_id="re_1",
            amount=500,
            status="succeeded",
            refunded_at=PAID + DAY,
            kind="refund",
        ),
        invoice=invoice,
    )
    deliver_outbox()

    assert len(teams) == 2
    assert before == {("topic", topic.pk): 3}
    assert hear(deliver_outbox) == {}
    assert ToldReach.objects.get().organisations == 0


def test_authors_do_not_reach_their_own_organisations(
    team_of: TeamOf, topic: Any, author: Any, deliver_outbox: Callable[[], int]
) -> None:
    teams = readers(team_of, topic, 3)
    teams[0].join(author)

    assert hear(deliver_outbox) == {}


def test_an_answered_thread_counts_for_who_answered(
    team_of: TeamOf,
    topic: Any,
    person: Callable[..., Any],
    deliver_outbox: Callable[[], int],
) -> None:
    helper = person("helper")
    reply = forum.reply(topic, helper)
    facts = {"topic_id": topic.pk, "answer_id": reply.pk, "author_id": helper.pk}
    told("answer_accepted", 9, subject=f"topic:{topic.pk}", properties=facts)
    readers(team_of, topic, 3)

    found = hear(deliver_outbox)

    assert found == {("answer", reply.pk): 3}
    assert Reach.objects.get().user == helper


def test_what_has_not_changed_is_not_told_again(
    team_of: TeamOf, topic: Any, deliver_outbox: Callable[[], int]
) -> None:
    readers(team_of, topic, 3)
    hear(deliver_outbox)
    before = Job.objects.count()

    hear(deliver_outbox)

    assert Job.objects.count() == before


def test_an_author_sees_their_own_reach_and_nobody_elses(
    team_of: TeamOf,
    topic: Any,
    author: Any,
    client: Client,
    deliver_outbox: Callable[[], int],
    django_assert_max_num_queries: Any,
) -> None:
    teams = readers(team_of, topic, 3)
    hear(deliver_outbox)

    client.force_login(author)
    with django_assert_max_num_queries(14):
        mine = client.get(reverse("profiles:reach")).content.decode()
    client.force_login(teams[0].founder)
    theirs = client.get(reverse("profiles:reach")).content.decode()

    assert topic.title in mine
    assert "on the way of 3 paying organisations" in mine
    assert topic.title not in theirs
    assert teams[0].organisation.name not in mine


def test_a_hidden_thread_is_counted_and_not_shown(
    team_of: TeamOf,
    topic: Any,
    author: Any,
    client: Client,
    deliver_outbox: Callable[[], int],
) -> None:
    readers(team_of, topic, 3)
    hear(deliver_outbox)
    topic.category.visibility = "staff"
    topic.category.save()

    client.force_login(author)
    page = client.get(reverse("profiles:reach")).content.decode()

    assert "No longer shown" in page
    assert topic.title not in page
