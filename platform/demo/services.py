"""Filling an empty installation with ninety days of history.

The history is planned first, deed by deed, and then played in the order of time: each
deed is a call of the service that a page, the API or a webhook calls, under a clock
that is held at its moment. So no rule of the product is told here. Every night the
outbox is delivered and the day's calls are reported.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from unittest import mock

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from activity.services import ensure_partitions
from billing.credits.services import expire_credit
from billing.plans.services import ensure_default_plans
from billing.referrals.services import reward_due
from billing.stripe.catalogue import sync_plans
from billing.subscriptions.granting import grant_plan
from billing.subscriptions.services import expire_grace
from community.trust import services as trust
from demo import bulk, copies, emulator, forum, launch, offers, people, planted, visits
from demo.calendar import Calendar
from demo.calls import Callers, plan_habits
from demo.clock import held
from demo.contributing import plan_contributions
from demo.credit import plan_credit
from demo.delivery import deliver
from demo.desks import choose_advertiser, plan_desks
from demo.payments import Shop
from demo.people import DAYS, Company, Person
from demo.purchases import Purchase, plan_purchases
from demo.rhythm import Rhythm
from demo.wishes import Wishes
from inference.catalog.defaults import ensure_default_models
from notifications import mailing
from notifications.models import EmailMessage, Notification
from notifications.services import mark_read

# What came before is read, but for the latest of Ada's.
READ = timedelta(days=4)
# The nights on which levels and badges are measured, in days before the end: on each of
# ninety it would be a tenth of the demo's time. The last is early enough to be read.
MEASURED = (60, 30, 5)
# Enough to see a number in the bell and a first page with both kinds.
UNREAD = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; ``replies`` and ``calls`` are from and to.

    ``copies`` is how often what the services have made is there in the end, and
    ``newcomers`` came for the launch: once, whatever the copies.
    """

    people: int
    topics: int
    replies: tuple[int, int]
    visitors: int
    views: int
    calls: tuple[int, int]
    docs_votes: int
    copies: int = 1
    newcomers: int = 0


# A tenth of them is held out for ever, 150 or so: an interval takes 100.
NEWCOMERS = 1_500
# What one deed costs decides ``s``, with what follows from it: on two slow cores it is
# there within four minutes. Larger ones are made of copies of one world.
SCALES = {
    "s": Scale(160, 150, (1, 5), 3_000, 24_000, (10, 60), 80, 1, NEWCOMERS),
    "m": Scale(125, 500, (4, 15), 2_250, 44_000, (3, 20), 100, 40, NEWCOMERS),
    "l": Scale(250, 1_000, (4, 15), 4_500, 80_000, (3, 20), 150, 80, NEWCOMERS),
}
Step = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Programme:
    """Who comes and what they buy, before there is a row of it."""

    characters: dict[str, Person]
    crowd: list[Person]
    purchases: list[Purchase]
    # Who is there early and belongs to a team: four to Northwind, four to Helios.
    early: list[Person]
    # Who is silenced at the end, and therefore says nothing else.
    advertiser: Person | None
    # Who has founded Helios, the team with a contract, and since when that is.
    founder: Person
    founded_at: datetime
    contract_at: datetime

    @property
    def everybody(self) -> list[Person]:
        return [*self.characters.values(), *self.crowd]


def seed(
    scale: Scale, *, seed: int, on_step: Step, now: datetime | None = None
) -> None:
    """Play the demo from ninety days ago until ``now``.

    ``on_step(what, done)`` is called as things come into being. The same seed gives
    the same demo, relative to the moment it is made at. All of it is one transaction,
    so a crash leaves the database as it was. Stripe is asked inside it, which the
    product never does: here it is an emulator on this machine, and nobody waits.
    """
    now = now or timezone.now()
    start = now - timedelta(days=DAYS)
    ensure_partitions(since=start)
    rng = random.Random(seed)  # noqa: S311 - the same demo every time
    with emulator.at_hand() as stays, transaction.atomic(), _undisturbed():
        _play(scale, start, now, rng, on_step)
        # History has been told; nobody wants ninety days of it by mail, and no worker
        # needs to be called: everything is delivered.
        mailing.withdraw_mail(EmailMessage.objects.all())
        copies.multiply(scale.copies, lambda done: on_step("copied rows", done))
        launch.play(scale.newcomers, start=start, now=now)
        on_step("newcomers", scale.newcomers)
        mailing.withdraw_mail(EmailMessage.objects.all())
        connection.run_on_commit.clear()
    if not stays:
        _offer_plans_again()
    bulk.look_at_tables()
    planted.conclude(now)


def _play(
    scale: Scale, start: datetime, now: datetime, rng: random.Random, on_step: Step
) -> None:
    copies.number_apart(scale.copies)
    with held(start) as clock, people.drawn(random.Random(rng.random())):  # noqa: S311
        # The models were there before anybody called them.
        ensure_default_models()
        ensure_default_plans()
        for _ in sync_plans():
            pass
        forum.create_categories()
        calendar, company = Calendar(), Company()
        account = emulator.StripeAccount(start)
        rhythm = Rhythm(start, now, growth=2.6)
        callers = Callers(
            company, calendar, rhythm, rng, lambda done: on_step("calls", done)
        )
        shop = Shop(company, account, calendar, lambda: on_step("sales", 1))
        plan = _plan(scale, rhythm, rng)
        _schedule(scale, plan, company, callers, shop, calendar, rhythm, rng, on_step)

        # With luck of its own, so that everything else stays as it was.
        evenings = offers.Evenings(random.Random("offers"))  # noqa: S311

        def reported() -> None:
            on_step("facts", deliver())

        calendar.play(
            clock,
            until=now,
            at_night=[
                partial(_advance, account),
                expire_grace,
                expire_credit,
                reward_due,
                callers.report,
                reported,
                evenings,
            ],
        )
        everyone = [company[each.username] for each in plan.everybody]
        visits.create_visits(
            scale.visitors,
            scale.views,
            everyone,
            rhythm,
            rng,
            lambda done: on_step("page views", done),
        )


def _plan(scale: Scale, rhythm: Rhythm, rng: random.Random) -> Programme:
    characters = people.plan_characters(rhythm.start, rng)
    # Growth needs a first few to grow from: they come a day after the staff.
    coming = Rhythm(rhythm.start + timedelta(days=2), rhythm.end, growth=2.6)
    crowd = people.plan_crowd(scale.people, coming, rng)
    purchases = plan_purchases(crowd, characters["erin"], rhythm, rng)
    # A sixth of the crowd is early.
    early = [
        person for person in crowd[: max(len(crowd) // 6, 12)] if person.is_verified
    ]
    rng.shuffle(early)
    founder = early.pop() if early else characters["mod"]
    founded_at = max(
        rhythm.start + timedelta(days=DAYS - 62),
        founder.joined_at + timedelta(hours=1),
    )
    return Programme(
        characters=characters,
        crowd=crowd,
        purchases=purchases,
        early=early[:8],
        advertiser=choose_advertiser(crowd, rhythm.end),
        founder=founder,
        founded_at=founded_at,
        contract_at=founded_at + timedelta(days=7),
    )


def _schedule(
    scale: Scale,
    plan: Programme,
    company: Company,
    callers: Callers,
    shop: Shop,
    calendar: Calendar,
    rhythm: Rhythm,
    rng: random.Random,
    on_step: Step,
) -> None:
    """Programme everything that is done through a service."""
    company.plan_arrivals(plan.everybody, calendar, lambda: on_step("people", 1))
    _plan_teams(plan, company, calendar, rhythm)
    plan_contributions(plan.characters, plan.crowd, company, rhythm, calendar)
    plan_credit(plan.characters, company, calendar, rhythm)
    speakers = _speakers(plan)
    forum.plan_threads(
        scale.topics,
        scale.replies,
        speakers,
        company,
        # Nobody asks before there are members to answer.
        Rhythm(rhythm.start + timedelta(days=9), rhythm.end, growth=2.2),
        calendar,
        rng,
        lambda: on_step("posts and votes", 1),
    )
    Wishes(speakers, company, calendar, rhythm.end).plan()
    for purchase in plan.purchases:
        shop.plan(purchase)
    habits = plan_habits(
        plan.crowd,
        plan.characters,
        (plan.founder, plan.contract_at),
        plan.purchases,
        scale.calls,
        rhythm,
        rng,
    )
    for habit in habits:
        callers.plan(habit)
    buyers = {purchase.buyer.username for purchase in plan.purchases}
    shop.plan_second_thoughts(
        {each.person.username: each.first_at for each in habits if not each.team},
        [person for person in plan.crowd if person.username not in buyers],
        rhythm,
        rng,
    )
    visits.plan_docs_votes(scale.docs_votes, plan.crowd, company, rhythm, calendar, rng)
    payers = [each.buyer for each in plan.purchases if not each.team]
    plan_desks(
        plan.characters,
        plan.crowd,
        payers,
        plan.advertiser,
        company,
        calendar,
        rhythm,
    )
    _plan_reading(plan, company, calendar, rhythm)


def _speakers(plan: Programme) -> forum.Speakers:
    """Return everybody who may speak at any moment."""
    members = [each for each in plan.characters.values() if not each.is_staff]
    crowd = [each for each in plan.crowd if each is not plan.advertiser]
    return forum.Speakers([*crowd, *members], plan.characters)


def _plan_teams(
    plan: Programme, company: Company, calendar: Calendar, rhythm: Rhythm
) -> None:
    """Found Northwind, which pays by card, and Helios, which has a contract."""
    company.plan_team(
        "Northwind",
        plan.characters["erin"],
        plan.early[:4],
        founded_at=rhythm.start + timedelta(days=DAYS - 80),
        calendar=calendar,
    )
    company.plan_team(
        "Helios Energy",
        plan.founder,
        plan.early[4:],
        founded_at=plan.founded_at,
        calendar=calendar,
    )
    calendar.plan(plan.contract_at, _sign_contract, company)


def _sign_contract(company: Company) -> None:
    grant_plan(
        people.team("Helios Energy"),
        version=ensure_default_plans()["enterprise"],
        by=company["staff"],
        reason="Contract 2026-017, invoiced once a year",
        seats=20,
    )


def _plan_reading(
    plan: Programme, company: Company, calendar: Calendar, rhythm: Rhythm
) -> None:
    """Have everybody read what is old, and Ada all but the latest."""

    def read_old() -> None:
        for name, user in company.users.items():
            if name != "ada":
                mark_read(user)

    def read_all_but_latest() -> None:
        ada = company["ada"]
        unread = Notification.objects.visible_to(ada).unread()
        latest = unread.order_by("-created_at", "-pk")
        for pk in latest.values_list("pk", flat=True)[UNREAD:]:
            mark_read(ada, pk)

    for days in MEASURED:
        moment = rhythm.end - timedelta(days=days)
        calendar.plan(moment, trust.assess_everybody)
        calendar.plan(moment, trust.give_badges)
    calendar.plan(rhythm.end - READ, read_old)
    calendar.plan(rhythm.end - timedelta(minutes=1), read_all_but_latest)


def _advance(account: emulator.StripeAccount) -> None:
    account.advance(timezone.now())


def _offer_plans_again() -> None:
    """Name the plans' prices anew where the emulator that sold them is gone."""
    if settings.STRIPE_SECRET_KEY:
        for _ in sync_plans():
            pass


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let this one transaction take its time, and spare it what only others need.

    Much is worked out between its statements. It is the only writer of an empty
    database, so nothing in it is refused and tried again: savepoints, half of all
    statements of a small service, are left out, and a refusal ends the demo.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL statement_timeout = 0")
    with mock.patch.object(connection.features, "uses_savepoints", False):
        yield
