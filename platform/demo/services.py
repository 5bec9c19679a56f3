"""Filling an empty installation with ninety days of history."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from activity.services import ensure_partitions
from billing.plans.services import ensure_default_plans
from billing.subscriptions.services import grant_plan
from demo import community, facts, money, people, till, visits
from demo.calls import Caller, Habit, write_calls
from demo.clock import at
from demo.people import DAYS, Person
from demo.purchases import Purchase, plan_purchases
from demo.rhythm import Rhythm
from demo.writing import Writer
from inference.catalog.services import ensure_default_models
from notifications import mailing
from notifications.models import EmailMessage, Notification

# What came before is read, but for the latest of the characters'.
READ = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; ``replies`` and ``calls`` are from and to."""

    people: int
    topics: int
    replies: tuple[int, int]
    visitors: int
    views: int
    calls: tuple[int, int]
    docs_votes: int


SCALES = {
    "s": Scale(420, 260, (1, 7), 4_500, 30_000, (10, 60), 260),
    "m": Scale(5_000, 20_000, (4, 15), 90_000, 1_400_000, (3, 20), 2_000),
    "l": Scale(20_000, 80_000, (4, 15), 360_000, 5_600_000, (3, 20), 8_000),
}
Step = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who comes and what they buy, before there is a row of it."""

    characters: list[Person]
    crowd: list[Person]
    purchases: list[Purchase]
    northwind: str
    helios: str


def seed(
    scale: Scale, *, seed: int, on_step: Step, now: datetime | None = None
) -> None:
    """Write the demo: people first, then what they say, buy, call and look at.

    ``on_step(what, done)`` is called as things come into being. The same seed
    gives the same demo, relative to the moment it is made at. Customers are made
    at the Stripe emulator before anything is written, since nothing leaves the
    process inside a transaction; the rest is one transaction, so a crash leaves
    the database as it was.
    """
    rng = random.Random(seed)  # noqa: S311 - the same demo every time
    now = now or timezone.now()
    rhythm = Rhythm(now - timedelta(days=DAYS), now, growth=2.6)
    # The models were there before anybody called them.
    with at(rhythm.start):
        ensure_default_models()
    ensure_default_plans()
    ensure_partitions(since=rhythm.start)
    plan = _plan(scale, rhythm, rng)
    sold = till.sell(plan.purchases, now, lambda: on_step("customers", 1))
    with transaction.atomic(), till.priced():
        _be_patient()
        _write(scale, plan, sold, rhythm, rng, on_step)
        # History has been told; nobody wants ninety days of it by mail, and no
        # worker needs to be called: everything is delivered.
        mailing.withdraw_mail(EmailMessage.objects.all())
        connection.run_on_commit.clear()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _be_patient() -> None:
    """Let this one transaction take its time: much is worked out between its rows."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL statement_timeout = 0")


def _plan(scale: Scale, rhythm: Rhythm, rng: random.Random) -> Plan:
    northwind, helios = people.an_id("org", rng), people.an_id("org", rng)
    characters = people.plan_characters(rhythm.start, rng)
    # Growth needs somebody to grow from: the first come a day after the staff.
    coming = Rhythm(rhythm.start + timedelta(days=2), rhythm.end, growth=2.6)
    crowd = people.plan_crowd(scale.people, coming, rng)
    erin = next(person for person in characters if person.username == "erin")
    purchases = plan_purchases(crowd, erin, northwind, rhythm, rng)
    return Plan(characters, crowd, purchases, northwind, helios)


def _write(
    scale: Scale,
    plan: Plan,
    sold: list[till.Sold],
    rhythm: Rhythm,
    rng: random.Random,
    on_step: Step,
) -> None:
    users = people.join_all(
        [*plan.characters, *plan.crowd],
        make_password(people.PASSWORD),
        lambda: on_step("people", 1),
    )
    characters = {person.username: users[person.username] for person in plan.characters}
    crowd = [users[person.username] for person in plan.crowd]
    teams = _teams(plan, users, rhythm, rng)
    # A contract outlives the free plan everybody begins with: that comes first.
    facts.deliver_waiting(lambda done: on_step("facts", done))
    _sign_contract(teams["helios"], users["staff"], rhythm)
    told = facts.Facts()

    script = community.write_script(
        scale.topics,
        scale.replies,
        [*crowd, *(user for user in characters.values() if not user.is_staff)],
        characters,
        # Nobody asks before there is somebody to answer.
        Rhythm(rhythm.start + timedelta(days=9), rhythm.end, growth=2.2),
        rng,
    )
    everybody = {user.pk: user for user in users.values()}
    Writer(told, everybody).write(script, lambda: on_step("posts and votes", 1))
    _contribute(characters, crowd, rhythm)

    prices = till.prices()
    for one in sold:
        money.enter(one, users[one.purchase.username], prices, now=rhythm.end)
    caller = Caller(rhythm, rng)
    for habit in _habits(scale, plan, users, teams, rhythm, rng):
        caller.add(habit)
        on_step("callers", 1)
    write_calls(caller.calls, told, lambda done: on_step("calls", done))
    _think_twice(plan, crowd, caller, rhythm, rng)

    everyone = [*characters.values(), *crowd]
    visits.create_visits(
        scale.visitors,
        scale.views,
        everyone,
        rhythm,
        rng,
        lambda done: on_step("page views", done),
    )
    visits.vote_on_docs(scale.docs_votes, crowd, rhythm, rng)
    facts.deliver(told.write(), lambda done: on_step("facts", done))
    _read_messages(characters["ada"], rhythm.end)


def _teams(
    plan: Plan, users: dict[str, User], rhythm: Rhythm, rng: random.Random
) -> dict[str, Organisation]:
    """Create Northwind, which pays by card, and Helios, which has a contract."""
    verified = [person for person in plan.crowd if person.is_verified]
    early = [users[person.username] for person in verified[:40]]
    rng.shuffle(early)
    northwind = people.found_team(
        "Northwind",
        users["erin"],
        list(zip(early[:4], people.ROLES, strict=False)),
        public_id=plan.northwind,
        moment=rhythm.start + timedelta(days=DAYS - 80),
    )
    helios = people.found_team(
        "Helios Energy",
        early[4] if len(early) > 4 else users["mod"],
        list(zip(early[5:9], people.ROLES, strict=False)),
        public_id=plan.helios,
        moment=rhythm.start + timedelta(days=DAYS - 62),
    )
    return {"northwind": northwind, "helios": helios}


def _sign_contract(helios: Organisation, staff: User, rhythm: Rhythm) -> None:
    enterprise = ensure_default_plans()["enterprise"]
    with at(rhythm.start + timedelta(days=DAYS - 55)):
        grant_plan(
            helios,
            version=enterprise,
            by=staff,
            reason="Contract 2026-017, invoiced once a year",
            seats=20,
        )


def _contribute(characters: dict[str, User], crowd: list[User], rhythm: Rhythm) -> None:
    people.link_github(
        characters["ada"],
        *community.identity_of(characters["ada"]),
        moment=rhythm.start + timedelta(days=DAYS - 85),
    )
    linked = [characters["chen"], characters["mod"], *crowd[3:22:9]]
    for user in linked:
        people.link_github(
            user,
            *community.identity_of(user),
            moment=user.date_joined + timedelta(hours=3),
        )
    community.contribute(characters, crowd, rhythm.end)


def _habits(
    scale: Scale,
    plan: Plan,
    users: dict[str, User],
    teams: dict[str, Organisation],
    rhythm: Rhythm,
    rng: random.Random,
) -> list[Habit]:
    """Return who calls models, and how; most try them, those who pay stay."""
    bought = {purchase.organisation_id: purchase for purchase in plan.purchases}
    homes = {
        organisation.owner_id: organisation
        for organisation in Organisation.objects.personal()
    }
    habits = []
    for person in plan.crowd:
        user, purchase = users[person.username], bought.get(person.organisation_id)
        first_at = person.joined_at + timedelta(
            minutes=9 + int(rng.expovariate(1 / 900))
        )
        wants = rng.random() < 0.66
        if purchase is not None:
            first_at = min(first_at, purchase.starts_at - timedelta(hours=1))
        elif not (wants and person.is_verified):
            continue
        if first_at > rhythm.end - timedelta(minutes=30):
            continue
        days = (rhythm.end - first_at).days
        habits.append(
            Habit(
                organisation=homes[user.pk],
                user=user,
                first_at=first_at,
                sittings=1 + int(rng.expovariate(1 / 2.5)) + days // 40
                if purchase is None
                else 5 + days // 4,
                calls=scale.calls,
                paid_from=purchase.starts_at if purchase else None,
                paid_until=purchase.ended_at if purchase else None,
            )
        )
    ada, erin = users["ada"], users["erin"]
    habits.append(
        Habit(
            organisation=homes[ada.pk],
            user=ada,
            first_at=ada.date_joined + timedelta(hours=2),
            sittings=26,
            calls=(5, 30),
            keys=("Laptop", "Docs bot"),
        )
    )
    northwind = bought[teams["northwind"].public_id]
    habits.append(
        Habit(
            organisation=teams["northwind"],
            user=erin,
            first_at=northwind.starts_at - timedelta(days=4),
            sittings=420,
            calls=(5, 34),
            keys=("Help desk", "Docs search", "CI", "Trying things"),
            paid_from=northwind.starts_at,
        )
    )
    helios = teams["helios"]
    founder = helios.memberships.order_by("pk")[0].user
    habits.append(
        Habit(
            organisation=helios,
            user=founder,
            first_at=rhythm.start + timedelta(days=DAYS - 54),
            sittings=260,
            calls=(6, 34),
            keys=("Production", "Staging"),
            paid_from=rhythm.start + timedelta(days=DAYS - 55),
        )
    )
    return sorted(habits, key=lambda habit: habit.first_at)


def _think_twice(
    plan: Plan,
    crowd: list[User],
    caller: Caller,
    rhythm: Rhythm,
    rng: random.Random,
) -> None:
    """Have some look at the checkout and leave it at that."""
    buyers = {purchase.username for purchase in plan.purchases}
    prices = till.prices()
    first: dict[int, datetime] = {}
    for call in caller.calls:
        first.setdefault(call.organisation_id, call.occurred_at)
    for organisation in Organisation.objects.personal().order_by("pk"):
        since = first.get(organisation.pk)
        user = organisation.owner
        if since is None or user is None or user.username in buyers:
            continue
        moment = since + timedelta(hours=2 + rng.expovariate(1 / 60))
        if rng.random() < 0.06 and moment < rhythm.end - timedelta(days=1):
            price = prices["pro", rng.choice(("month", "month", "year"))]
            money.begin_checkout(organisation, user, price, moment=moment)


def _read_messages(ada: User, now: datetime) -> None:
    """Have everybody read what is old, and Ada all but the latest."""
    old = Notification.objects.filter(created_at__lt=now - READ, read_at=None)
    old.update(read_at=now - READ)
    latest = Notification.objects.filter(user=ada).order_by("-created_at", "-pk")
    kept = list(latest.values_list("pk", flat=True)[:5])
    latest_read = Notification.objects.filter(user=ada).exclude(pk__in=kept)
    latest_read.filter(read_at=None).update(read_at=now - timedelta(hours=7))
    Notification.objects.filter(pk__in=kept).update(read_at=None)
