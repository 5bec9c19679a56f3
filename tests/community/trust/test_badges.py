"""Badges are given once to whom they are due, shown, and revoked for good."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from audit.models import Record
from community.forum import services as forum_services
from community.forum.models import Post
from community.trust import services
from community.trust.badges import BADGES
from community.trust.models import BadgeAward
from notifications.models import Notification
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def solved(by: Any, asked: Any) -> Post:
    topic = forum.topic(asked)
    answer = forum.reply(topic, by)
    forum_services.accept_answer(answer, by=asked)
    return answer


def test_an_accepted_answer_is_a_badge_once(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    solved(ada, ben)
    solved(ada, ada)

    assert services.give_badges() == 1
    assert services.give_badges() == 0
    award = BadgeAward.objects.get()
    assert (award.user, award.badge) == (ada, "solver")
    assert Notification.objects.filter(user=ada, kind="level").count() == 1


def test_ten_of_them_are_another(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    for _ in range(9):
        solved(ada, ben)
    services.give_badges()
    assert set(BadgeAward.objects.values_list("badge", flat=True)) == {"solver"}
    solved(ada, ben)
    services.give_badges()
    assert set(BadgeAward.objects.values_list("badge", flat=True)) == {
        "solver",
        "guide",
    }


@pytest.mark.parametrize("slug", list(BADGES))
def test_every_rule_is_sql_that_runs(slug: str) -> None:
    badge = BADGES[slug]
    with connection.cursor() as cursor:
        cursor.execute(badge.due, {"least": badge.least})
        assert cursor.fetchall() == []


def test_what_was_revoked_is_not_given_again(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    solved(ada, ben)
    services.give_badges()
    award = BadgeAward.objects.get()
    address = f"/badges/{award.pk}/revoke/"

    client.force_login(ben)
    assert client.post(address, {"reason": "x"}).status_code == 403
    client.force_login(person("mod", is_moderator=True))
    assert "Solver" in client.get("/u/ada/").content.decode()
    assert client.post(address, {"reason": "A ring."}).status_code == 302
    assert client.post(address, {"reason": "A ring."}).status_code == 409
    assert services.give_badges() == 0
    assert "Solver" not in client.get("/u/ada/").content.decode()
    record = Record.objects.get(action="badge.revoked")
    assert record.after == {"badge": "solver", "reason": "A ring."}


def test_the_table_says_every_rule_and_who_has_it(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    solved(ada, ben)
    services.give_badges()
    client.force_login(ada)

    rows = client.get("/badges/").context["rows"]

    counts = {badge.slug: (count, is_mine) for badge, count, is_mine in rows}
    assert counts["solver"] == (1, True)
    assert counts["guide"] == (0, False)
    client.logout()
    assert (
        "您"
        in client.get(
            "/badges/", headers={"Accept-Language": "zh-Hans"}
        ).content.decode()
    )
