"""Filling an empty installation with ninety days of history."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from unittest import mock

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import User
from accounts.queries import personal_organisation
from billing.plans.models import Price
from demo import community, money, people, visits
from inference.catalog.services import ensure_default_models
from notifications.models import EmailMessage
from outbox import services as outbox

DAYS = 90


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    people: int
    topics: int
    visitors: int
    views: int


SCALES = {
    "s": Scale(people=70, topics=90, visitors=1_400, views=12_000),
    "m": Scale(people=300, topics=260, visitors=20_000, views=100_000),
    "l": Scale(people=600, topics=500, visitors=60_000, views=400_000),
}
Step = Callable[[str, int], None]


def seed(scale: Scale, *, seed: int, on_step: Step) -> None:
    """Write the demo through the product's own services.

    ``on_step(what, done)`` is called as things come into being. The same seed
    gives the same demo, relative to the day it is made on.
    """
    rng = random.Random(seed)  # noqa: S311 - the same demo every time
    now = timezone.now()
    start = now - timedelta(days=DAYS)
    with _quietly():
        ensure_default_models()
        characters = people.create_characters(start, make_password(people.PASSWORD))
        crowd = people.create_crowd(
            scale.people, start, rng, lambda: on_step("people", 1)
        )
        community.create_topics(
            scale.topics,
            crowd,
            characters,
            start + timedelta(days=4),
            now - timedelta(hours=1),
            rng,
            lambda: on_step("topics", 1),
        )
        for number, day in ((41, 50), (57, 21), (63, 6)):
            moment = now - timedelta(days=day)
            community.contribute(number, moment, user_id="21031067", login="Codertocat")
        _trade(crowd, characters, start, now, rng, on_step)
        visits.create_visits(
            scale.visitors, scale.views, [*crowd, *characters.values()], start, now, rng
        )
        _deliver(on_step)
    # History has been told; nobody wants ninety days of it by mail.
    EmailMessage.objects.filter(state=EmailMessage.State.PENDING).delete()


def _trade(
    crowd: list[User],
    characters: dict[str, User],
    start: datetime,
    now: datetime,
    rng: random.Random,
    on_step: Step,
) -> None:
    """Have some of them call models, and some of those pay."""
    erin = characters["erin"]
    northwind = people.create_northwind(erin, crowd[:2], start)
    team = _price("team")
    money.buy(
        money.Purchase(
            erin, northwind, team, start + timedelta(days=DAYS - 66), seats=3
        ),
        now=now,
    )
    money.use(
        erin,
        northwind,
        first_at=start + timedelta(days=DAYS - 68),
        until=now,
        sessions=24,
        rng=rng,
    )
    ada = characters["ada"]
    money.use(
        ada,
        personal_organisation(ada),
        first_at=ada.date_joined + timedelta(hours=2),
        until=now,
        sessions=9,
        rng=rng,
    )
    pro = _price("pro")
    for user in crowd:
        if rng.random() > 0.72:
            continue
        on_step("callers", 1)
        organisation = personal_organisation(user)
        first = user.date_joined + timedelta(minutes=rng.randrange(8, 3_000))
        if first > now - timedelta(hours=2):
            continue
        chance = rng.random()
        if chance < 0.26:
            bought = min(
                first + timedelta(days=rng.randrange(1, 20)), now - timedelta(hours=1)
            )
            ends = bought + 2 * money.MONTH if rng.random() < 0.25 else None
            _first_call_then_buy(user, first, bought, ends, pro, now, rng)
            continue
        money.use(
            user,
            organisation,
            first_at=first,
            until=now,
            sessions=rng.randrange(1, 4),
            rng=rng,
        )
        if chance < 0.38:
            money.start_checkout(
                money.Purchase(
                    user, organisation, pro, min(first + timedelta(days=2), now)
                )
            )


def _first_call_then_buy(
    user: User,
    first: datetime,
    bought: datetime,
    ends: datetime | None,
    price: Price,
    now: datetime,
    rng: random.Random,
) -> None:
    organisation = personal_organisation(user)
    money.use(
        user,
        organisation,
        first_at=first,
        until=now,
        sessions=rng.randrange(3, 8),
        rng=rng,
    )
    money.buy(
        money.Purchase(
            user,
            organisation,
            price,
            max(bought, first + timedelta(hours=1)),
            ends_at=ends,
        ),
        now=now,
    )


def _price(plan: str) -> Price:
    return Price.objects.select_related("plan_version__plan").get(
        plan_version__plan__key=plan, interval="month", plan_version__retired_at=None
    )


def _deliver(on_step: Step) -> None:
    """Have everybody hear what happened, in the order it happened."""
    while delivered := outbox.relay(limit=500):
        on_step("facts", delivered)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the workers out of it: everything is delivered here, in order."""
    with ExitStack() as stack:
        for name in (
            "outbox.publishing._nudge",
            "notifications.services._nudge",
        ):
            stack.enter_context(mock.patch(name))
        yield
