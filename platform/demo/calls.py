"""What the demo's people call: keys, sittings at the gateway, and the reports of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from django.utils import timezone

from accounts.models import Organisation
from demo.calendar import Calendar
from demo.people import Company, Person, home, team
from demo.purchases import Purchase
from demo.rhythm import Rhythm
from inference.catalog.models import PriceVersion
from inference.keys.models import ApiKey
from inference.keys.services import create_key
from inference.usage.recording import Usage, record
from inference.usage.services import publish_first_calls, report_hours

OPEN, PREMIUM = "doorstone-docs", "doorstone-docs-pro"
# Of those who sign up and confirm their address, so many try a model.
TRY = 0.66
# Of a payer's sittings so many ask a premium model, of all calls so many are finished.
ASK_PREMIUM, FINISHED = 0.65, 0.982


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a person calls: how often they sit down, and how much they ask then."""

    person: Person
    # Whose keys: a team's, by its name, else their own.
    team: str = ""
    first_at: datetime
    sittings: int
    calls: tuple[int, int]
    # From when on premium models answer, and until when.
    paid_from: datetime | None = None
    paid_until: datetime | None = None
    keys: tuple[str, ...] = ("First key",)
    # Seconds between two calls of a sitting, on average; a team's program is quick.
    pace: float = 25

    def is_paid(self, moment: datetime) -> bool:
        if self.paid_from is None or moment < self.paid_from:
            return False
        return self.paid_until is None or moment < self.paid_until


def plan_habits(
    crowd: list[Person],
    characters: dict[str, Person],
    contract: tuple[Person, datetime],
    purchases: list[Purchase],
    calls: tuple[int, int],
    rhythm: Rhythm,
    rng: random.Random,
) -> list[Habit]:
    """Return who calls models, and how; most try them, those who pay stay.

    ``contract`` is who signed for Helios, and since when it is in force.
    """
    founder, contract_at = contract
    bought = {each.buyer.username: each for each in purchases}
    habits = []
    for person in crowd:
        purchase = bought.get(person.username)
        delay = timedelta(minutes=9 + int(rng.expovariate(1 / 900)))
        wants, more = rng.random() < TRY, int(rng.expovariate(1 / 0.7))
        first_at = person.joined_at + delay
        if purchase is not None:
            first_at = min(first_at, purchase.starts_at - timedelta(hours=1))
        elif not (wants and person.is_verified):
            continue
        if first_at > rhythm.end - timedelta(minutes=30):
            continue
        days = (rhythm.end - first_at).days
        habits.append(
            Habit(
                person=person,
                first_at=first_at,
                sittings=1 + more if purchase is None else 3 + days // 9,
                calls=calls,
                paid_from=purchase.starts_at if purchase else None,
                paid_until=purchase.ends_at if purchase else None,
            )
        )
    ada, northwind = characters["ada"], bought["erin"]
    # A team's calls are many in few hours: each hour is a report of its own.
    return [
        *habits,
        Habit(
            person=ada,
            first_at=ada.joined_at + timedelta(hours=2),
            sittings=14,
            calls=(5, 40),
            keys=("Laptop", "Docs bot"),
        ),
        Habit(
            person=characters["erin"],
            team="Northwind",
            first_at=northwind.starts_at - timedelta(days=4),
            sittings=60,
            calls=(40, 200),
            pace=7,
            paid_from=northwind.starts_at,
            keys=("Help desk", "Docs search", "CI", "Trying things"),
        ),
        Habit(
            person=founder,
            team="Helios Energy",
            first_at=contract_at + timedelta(days=1),
            sittings=36,
            calls=(40, 200),
            pace=7,
            paid_from=contract_at,
            keys=("Production", "Staging"),
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Sitting:
    """A while in which a person calls one model with one key."""

    moment: datetime
    habit: Habit
    key: ApiKey


class Callers:
    """Makes keys, then calls with them."""

    def __init__(
        self,
        company: Company,
        calendar: Calendar,
        rhythm: Rhythm,
        rng: random.Random,
        on_calls: Callable[[int], None],
    ) -> None:
        self.company = company
        self.calendar = calendar
        self.rhythm = rhythm
        self.rng = rng
        self.on_calls = on_calls
        self.prices = {
            price.model.slug: price
            for price in PriceVersion.objects.select_related("model").filter(
                valid_to=None
            )
        }
        # Made, and not written down yet: the next night does that, in one statement.
        self._waiting: list[tuple[datetime, int, Usage]] = []
        self._order = count()

    def plan(self, habit: Habit) -> None:
        """Plan the keys of a habit and its sittings."""
        keys: list[ApiKey] = []
        for number, name in enumerate(habit.keys):
            moment = habit.first_at - timedelta(minutes=2) + number * timedelta(days=3)
            if moment < self.rhythm.end:
                self.calendar.plan(moment, self._make_key, habit, name, keys)
        rest = Rhythm(habit.first_at, self.rhythm.end, growth=1.3)
        moments = [habit.first_at, *rest.moments(habit.sittings - 1, self.rng)]
        for moment in moments:
            self.calendar.plan(moment, self._sit, habit, keys, moment)

    def report(self) -> None:
        """Write the day's calls and tell of them, as the gateway and its tasks do."""
        now = timezone.now()
        batch = []
        while self._waiting and self._waiting[0][0] < now:
            batch.append(heappop(self._waiting)[2])
        if batch:
            record(batch)
            self.on_calls(len(batch))
        publish_first_calls()
        report_hours()

    def _make_key(self, habit: Habit, name: str, keys: list[ApiKey]) -> None:
        user = self.company[habit.person.username]
        key, _secret = create_key(self._organisation(habit), name=name, by=user)
        keys.append(key)

    def _organisation(self, habit: Habit) -> Organisation:
        if habit.team:
            return team(habit.team)
        return home(self.company[habit.person.username])

    def _sit(self, habit: Habit, keys: list[ApiKey], moment: datetime) -> None:
        key = self.rng.choice(keys)
        for call in self._calls(_Sitting(moment, habit, key)):
            heappush(self._waiting, (call.occurred_at, next(self._order), call))

    def _calls(self, sitting: _Sitting) -> Iterator[Usage]:
        rng, moment = self.rng, sitting.moment
        is_premium = sitting.habit.is_paid(moment) and rng.random() < ASK_PREMIUM
        price = self.prices[PREMIUM if is_premium else OPEN]
        for _ in range(rng.randint(*sitting.habit.calls)):
            if moment >= self.rhythm.end:
                return
            yield self._call(sitting.key, price, moment)
            moment += timedelta(seconds=2 + rng.expovariate(1 / sitting.habit.pace))

    def _call(self, key: ApiKey, price: PriceVersion, moment: datetime) -> Usage:
        rng = self.rng
        # About 2 700 tokens of question with passages, about 360 of answer.
        tokens_in = min(int(rng.lognormvariate(7.9, 0.7)), 15_000)
        tokens_out = min(int(rng.lognormvariate(5.9, 0.6)), 2_000)
        return Usage(
            request_id=f"req_{rng.getrandbits(104):026x}",
            occurred_at=moment.astimezone(UTC),
            organisation_id=key.organisation_id,
            key_id=key.pk,
            model=price.model.slug,
            edition=price.model.edition,
            price_version_id=price.pk,
            status="ok" if rng.random() < FINISHED else "client_abort",
            is_stream=rng.random() < 0.6,
            is_estimated=False,
            tokens_in=tokens_in,
            tokens_cached=0,
            tokens_out=tokens_out,
            price_nano=price.price_of(tokens_in, 0, tokens_out),
            cost_nano=price.cost_of(tokens_in, 0, tokens_out),
            first_byte_ms=rng.randrange(20, 90),
            total_ms=90 + int(tokens_out * rng.uniform(0.6, 1.4)),
        )
