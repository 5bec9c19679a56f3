"""The launch of the premium models: effects that the engine has to find.

Fifteen hundred people came for the models within weeks: enough for an interval. What
each of them is offered is decided at the one door, so the holdouts are the real ones;
what they do then follows ``stories/launch.toml``, where one offer works, one does
nothing and one costs more than it brings. They are written in bulk and played by
themselves, after the copies of larger scales: whether an organisation is held out
follows from its number, so a copy of a decision would be wrong.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Organisation, User
from accounts.services import add_member, create_organisation
from activity.services import NewEvent
from billing.conversion.rebuilding import rebuild
from billing.conversion.settling import record_rate
from billing.growth import editing, learning, services
from billing.growth.deciding import Decided, DecisionUnit
from billing.growth.models import Decision, Offer
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.ledger.records import InvoiceRecord, LineRecord, PaymentRecord
from billing.ledger.services import record_invoice
from billing.plans.services import ensure_default_plans
from billing.subscriptions.granting import expire_staff_grants, grant_plan
from core.money import NANO
from demo import storybook
from demo.arriving import (
    arrivals_in_log,
    plan_buying_groups,
    plan_newcomers,
    second_devices,
    steps_to_payment,
)
from demo.bulk import look_at_tables, write_log, write_people
from demo.calendar import Calendar, Deed
from demo.calls import Callers, Habit
from demo.clock import held
from demo.delivery import deliver
from demo.people import DAYS, Company, Person, drawn
from demo.rhythm import Rhythm
from demo.storybook import LaunchContract, LaunchOffer, LaunchPrice

# As long as the period of most invoices is.
MONTH = timedelta(days=30)
# They come in the second and third fortnight, so that most have paid by today.
OPENS, CLOSES = timedelta(days=12), timedelta(days=45)
# Of the offers that are not taken so many are seen, and of those so many put away.
SEEN, PUT_AWAY = 0.5, 0.4
# Every so many of those who take a trial are seen calling; usage is told hour by hour,
# and each hour costs a demo as much as a post.
CALLING = 4
# What is looked at each night by the schedule is looked at once a week here.
GUARDING = timedelta(days=7)
# What the measurements join, and what begins nearly empty.
GROWING = ("growth_decision", "growth_cost", "ledger_invoice", "ledger_usagecost")


class Quota:
    """Says yes to a share of those who ask, as evenly as that can be."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)

    def __call__(self, name: str, share: float) -> bool:
        self._sums[name] += share
        if self._sums[name] < 1:
            return False
        self._sums[name] -= 1
        return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person of the launch with their account, and where in the crowd they stand."""

    person: Person
    user: User
    home: Organisation
    place: float


class Launch:
    """Plans what is offered to the newcomers and what becomes of it."""

    def __init__(
        self, calendar: Calendar, rhythm: Rhythm, company: Company, rng: random.Random
    ) -> None:
        self.calendar = calendar
        self.rhythm = rhythm
        self.company = company
        self.rng = rng
        self.quota = Quota()
        self.callers = Callers(company, calendar, rhythm, rng, lambda _calls: None)
        self.staff = first_of_staff()
        self.versions = ensure_default_plans()
        self.prices = storybook.launch_prices()
        self.begun: list[NewEvent] = []
        self.offer_pks = dict(Offer.objects.values_list("key", "pk"))
        self._invoices = 0

    def plan(self, newcomers: list[Arrival]) -> None:
        """Plan every moment of everybody; what follows is planned as it comes."""
        for offer in storybook.launch_offers():
            first, last = offer.of_people
            for each in newcomers:
                if first <= each.place < last:
                    moment = each.person.joined_at + timedelta(
                        days=offer.days_after, minutes=40
                    )
                    self.calendar.plan(moment, self._meet, offer, each)

    def _meet(self, offer: LaunchOffer, newcomer: Arrival) -> None:
        decided = occur(
            Moment(offer.moment),
            DecisionUnit(newcomer.home.pk, newcomer.user.pk),
            occasion=f"user {newcomer.user.pk}",
        )
        is_made = decided.reason == Decision.Reason.OFFERED
        if is_made and decided.offer_id == self.offer_pks[offer.key]:
            self._answer(offer, newcomer, decided)
        if decided.reason not in Decision.COMPARED or not offer.pays:
            return
        share = offer.pays if is_made else offer.pays_anyway
        if self.quota(f"{offer.key} {decided.reason}", share):
            self._plan_payments(newcomer)

    def _answer(self, offer: LaunchOffer, newcomer: Arrival, decided: Decided) -> None:
        if self.quota(f"{offer.key} accepted", offer.accepted):
            soon = timezone.now() + timedelta(minutes=20)
            self.calendar.plan(soon, self._accept, newcomer, decided)
        elif self.quota(f"{offer.key} seen", SEEN):
            soon = timezone.now() + timedelta(minutes=5)
            is_unwanted = self.quota(f"{offer.key} put away", PUT_AWAY)
            self.calendar.plan(soon, self._see, newcomer, decided, is_unwanted)

    def _see(self, newcomer: Arrival, decided: Decided, is_unwanted: bool) -> None:
        services.record_exposure(decided.uuid, user=newcomer.user, surface="console")
        if is_unwanted:
            services.dismiss_offer(decided.uuid, by=newcomer.user)

    def _accept(self, newcomer: Arrival, decided: Decided) -> None:
        self._see(newcomer, decided, is_unwanted=False)
        decision = services.accept_offer(decided.uuid, by=newcomer.user)
        if decision.in_force_until and self.quota("calling", 1 / CALLING):
            self.callers.plan(
                Habit(
                    person=newcomer.person,
                    first_at=timezone.now() + timedelta(minutes=15),
                    sittings=1,
                    calls=(6, 30),
                    paid_from=timezone.now(),
                )
            )

    def _plan_payments(self, newcomer: Arrival) -> None:
        """Plan what a newcomer pays: within three weeks, some again each month."""
        weights = [price.weight for price in self.prices]
        price = self.rng.choices(self.prices, weights=weights)[0]
        moment = timezone.now() + timedelta(days=10 + 11 * self.rng.random())
        is_first = True
        while moment < self.rhythm.end - timedelta(hours=1):
            self.calendar.plan(moment, self._pay, newcomer, price, is_first)
            moment += MONTH
            is_first = False
            if not price.is_monthly:
                break

    def _pay(self, newcomer: Arrival, price: LaunchPrice, is_first: bool) -> None:
        user, organisation = newcomer.user, newcomer.home
        if is_first:
            self.begun += steps_to_payment(user, organisation.pk, self.rng)
        self.record_payment(
            organisation, user=user, amount=price.amount, currency="usd"
        )
        if is_first:
            version = self.versions[price.plan]
            grant_plan(
                organisation,
                version=version,
                by=self.staff,
                reason="Paid by invoice and transfer",
                seats=version.seat_min,
            )

    def record_payment(
        self, organisation: Organisation, *, user: User, amount: int, currency: str
    ) -> None:
        """Write an invoice that was sent and paid by transfer."""
        now = timezone.now()
        self._invoices += 1
        number = f"{self._invoices:05}"
        record_invoice(
            InvoiceRecord(
                stripe_id=f"in_transfer{number}",
                number=f"DT-{number}",
                status="paid",
                currency=currency,
                subtotal=amount,
                total=amount,
                amount_due=amount,
                amount_paid=amount,
                issued_at=now,
                paid_at=now,
                lines=(LineRecord(stripe_id=f"il_transfer{number}", amount=amount),),
                payments=(
                    PaymentRecord(
                        stripe_id=f"inpay_transfer{number}",
                        amount=amount,
                        status="paid",
                        paid_at=now,
                    ),
                ),
            ),
            organisation_id=organisation.pk,
            user_id=user.pk,
            fetched_at=now,
        )

    def sign(self, contract: LaunchContract) -> None:
        """Have a company buy by contract: founded by who reads, paid by who buys."""
        *readers, buyer = (self.company[name] for name in contract.people)
        team = create_organisation(contract.team, owner=readers[0])
        for user in readers[1:]:
            add_member(team, user=user, role="member")
        add_member(team, user=buyer, role="billing")
        self.begun += steps_to_payment(buyer, team.pk, self.rng)
        self.record_payment(
            team, user=buyer, amount=contract.amount, currency=contract.currency
        )
        grant_plan(
            team,
            version=self.versions["enterprise"],
            by=self.staff,
            reason="Contract, paid once a year",
            seats=contract.seats,
        )


def first_of_staff() -> User:
    """Return who acts for the company."""
    return User.objects.filter(is_staff=True).order_by("pk")[0]


def play(count: int, *, start: datetime, now: datetime) -> None:
    """Play the launch for so many newcomers; of none there is none."""
    if not count:
        return
    rng = random.Random("launch")  # noqa: S311 - the same demo every time
    rhythm = Rhythm(start + OPENS, start + CLOSES, growth=1.2)
    contracts = storybook.launch_contracts()
    people = [
        *plan_newcomers(count, rhythm, rng),
        *plan_buying_groups(contracts, end=start + timedelta(days=DAYS), rng=rng),
    ]
    company, calendar = Company(), Calendar()
    with held(start + OPENS) as clock, drawn(random.Random("launched")):  # noqa: S311
        company.users, homes = write_people(people, second_devices(people, rng))
        look_at_tables("accounts_user", "accounts_organisation", "accounts_membership")
        write_log(arrivals_in_log(people, company, homes))
        _prepare_offers(first_of_staff())
        launch = Launch(calendar, Rhythm(start + OPENS, now, growth=1.2), company, rng)
        launch.plan(
            [
                Arrival(
                    person,
                    company[person.username],
                    homes[person.username],
                    number / count,
                )
                for number, person in enumerate(people[:count])
            ]
        )
        for contract in contracts:
            calendar.plan(
                now - timedelta(days=contract.days_ago), launch.sign, contract
            )
        nights: list[Deed] = [
            expire_staff_grants,
            launch.callers.report,
            deliver,
            Guard(),
        ]
        calendar.play(clock, until=now, at_night=nights)
        for rate in storybook.launch_rates():
            for contract in contracts:
                if contract.currency == rate.currency:
                    day = (now - timedelta(days=contract.days_ago)).date()
                    record_rate(rate.currency, day, nano=rate.nano, by=launch.staff)
        write_log(launch.begun)
        # What was written in bulk was told to nobody, so the figures are derived.
        rebuild()


class Guard:
    """Has the guardrail look at what the offers cost, week by week."""

    def __init__(self) -> None:
        self.last: datetime | None = None

    def __call__(self) -> None:
        now = timezone.now()
        if self.last is None or now - self.last >= GUARDING:
            self.last = now
            look_at_tables(*GROWING)
            learning.guard_margins()


def _prepare_offers(staff: User) -> None:
    """Have staff write, budget and activate the offers of the launch."""
    for story in storybook.launch_offers():
        offer = Offer.objects.filter(key=story.key).first()
        if offer is None:
            offer = Offer(
                key=story.key,
                kind=Offer.Kind.CREDITS,
                surfaces=["console", "pricing"],
                **story.words,
            )
        offer.holdout_percent = story.holdout_percent
        cost = story.cost_usd * NANO
        amounts = {"cost_nano": cost, "budget_nano": story.budget_usd * NANO or None}
        if offer.kind == Offer.Kind.CREDITS:
            amounts["credit_nano"] = cost
        saved = editing.save_offer(offer, by=staff, amounts=amounts)
        editing.set_offer_state(saved, Offer.State.ACTIVE, by=staff)
        policy, offers = editing.entries_of(story.moment)
        others = [each for each in offers if each.key != story.key]
        editing.replace_policy(
            story.moment,
            by=staff,
            mode="rules",
            floor=policy.floor if policy else 0,
            least_margin_nano=None,
            offers=[saved, *others],
        )
