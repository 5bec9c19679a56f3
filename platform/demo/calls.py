"""What the demo's people call: keys, sittings at the gateway, and the reports of it."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from accounts.models import Organisation, User
from contracts.inference import FirstCallSucceeded, UsageAggregated
from demo.clock import at
from demo.copying import copy_models
from demo.facts import Facts
from demo.rhythm import Rhythm
from inference.catalog.models import PriceVersion
from inference.keys.models import ApiKey
from inference.keys.services import create_key
from inference.usage.models import FirstCall, UsageHour, UsageReport
from inference.usage.recording import Usage, record

BATCH = 5_000
NAMES = ("First key", "Laptop", "Docs bot", "Help desk", "Trying things", "CI")
OPEN, PREMIUM = "doorstone-docs", "doorstone-docs-pro"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How somebody calls: how often they sit down, and how much they ask then."""

    organisation: Organisation
    user: User
    first_at: datetime
    sittings: int
    calls: tuple[int, int]
    # From when on premium models answer, and until when.
    paid_from: datetime | None = None
    paid_until: datetime | None = None
    keys: tuple[str, ...] = ("First key",)


class Caller:
    """Turns habits into calls."""

    def __init__(self, rhythm: Rhythm, rng: random.Random) -> None:
        self.rhythm = rhythm
        self.rng = rng
        self.numbers = count(1)
        self.prices = {
            price.model.slug: price
            for price in PriceVersion.objects.select_related("model").filter(
                valid_to=None
            )
        }
        self.calls: list[Usage] = []

    def add(self, habit: Habit) -> None:
        """Make the keys of a habit and its calls."""
        rng = self.rng
        keys = []
        for number, name in enumerate(habit.keys):
            with at(habit.first_at - timedelta(minutes=2) + number * timedelta(days=3)):
                key, _secret = create_key(habit.organisation, name=name, by=habit.user)
            keys.append(key)
        sittings = [habit.first_at]
        rest = Rhythm(habit.first_at, self.rhythm.end, growth=1.3)
        sittings += rest.moments(max(habit.sittings - 1, 0), rng)
        for moment in sittings:
            usable = [key for key in keys if key.created_at < moment] or keys[:1]
            self._sit(habit, rng.choice(usable), moment)

    def _sit(self, habit: Habit, key: ApiKey, moment: datetime) -> None:
        rng = self.rng
        is_paid = (
            habit.paid_from is not None
            and habit.paid_from < moment
            and (habit.paid_until is None or moment < habit.paid_until)
        )
        model = PREMIUM if is_paid and rng.random() < 0.65 else OPEN
        for _ in range(rng.randint(*habit.calls)):
            if moment >= self.rhythm.end:
                return
            self.calls.append(self._call(key, self.prices[model], moment))
            moment += timedelta(seconds=2 + rng.expovariate(1 / 25))

    def _call(self, key: ApiKey, price: PriceVersion, moment: datetime) -> Usage:
        rng = self.rng
        tokens_in = int(rng.lognormvariate(7.9, 0.7))
        tokens_out = min(int(rng.lognormvariate(5.9, 0.6)), 2_000)
        tokens_in = min(tokens_in, 15_000)
        chance = rng.random()
        status = "ok" if chance < 0.982 else "client_abort"
        total = 90 + int(tokens_out * rng.uniform(0.6, 1.4))
        return Usage(
            request_id=f"req_{rng.getrandbits(104):026x}",
            occurred_at=moment.astimezone(UTC),
            organisation_id=key.organisation_id,
            key_id=key.pk,
            model=price.model.slug,
            edition=price.model.edition,
            price_version_id=price.pk,
            status=status,
            is_stream=rng.random() < 0.6,
            is_estimated=False,
            tokens_in=tokens_in,
            tokens_cached=0,
            tokens_out=tokens_out,
            price_nano=price.price_of(tokens_in, 0, tokens_out),
            cost_nano=price.cost_of(tokens_in, 0, tokens_out),
            first_byte_ms=rng.randrange(20, 90),
            total_ms=total,
        )


def write_calls(
    calls: list[Usage], facts: Facts, on_call: Callable[[int], None]
) -> None:
    """Record calls and report them, as the gateway and its minute-by-minute task do."""
    calls = sorted(calls, key=lambda call: (call.occurred_at, call.request_id))
    for first in range(0, len(calls), BATCH):
        batch = calls[first : first + BATCH]
        record(batch)
        on_call(len(batch))
    _announce_firsts(facts)
    _report(facts)


def reported_at(hour: datetime) -> datetime:
    """Return when an hour's calls are reported: right after it."""
    return hour + timedelta(minutes=60, seconds=20)


def _announce_firsts(facts: Facts) -> None:
    firsts = list(FirstCall.objects.filter(is_announced=False).order_by("at", "pk"))
    makers = dict(ApiKey.objects.values_list("pk", "created_by_id"))
    for call in firsts:
        facts.publish(
            FirstCallSucceeded(
                organisation_id=call.pk,
                user_id=makers.get(call.key_id) if call.key_id else None,
                model=call.model,
                occurred_at=call.at.isoformat(),
            ),
            moment=reported_at(_hour(call.at)),
        )
    FirstCall.objects.filter(pk__in=[call.pk for call in firsts]).update(
        is_announced=True
    )


def _report(facts: Facts) -> None:
    """Report every hour once, when it is over."""
    windows: dict[tuple[datetime, int, str, str], list[UsageHour]] = defaultdict(list)
    unreported = list(
        UsageHour.objects.filter(is_reported=False).order_by("hour", "pk")
    )
    for row in unreported:
        windows[row.hour, row.organisation_id, row.model, row.edition].append(row)
    reports = []
    for (hour, organisation_id, model, edition), rows in windows.items():
        sums = {name: sum(getattr(row, name) for row in rows) for name in SUMS}
        reports.append(
            UsageReport(
                organisation_id=organisation_id,
                model=model,
                hour=hour,
                revision=1,
                **sums,
            )
        )
        facts.publish(
            UsageAggregated(
                organisation_id=organisation_id,
                model=model,
                edition=edition,
                window=hour.isoformat(),
                revision=1,
                **sums,
            ),
            moment=reported_at(hour),
        )
    copy_models(reports)
    latest = {row.key_id: row.hour for row in unreported if row.key_id}
    _note_use(latest)
    UsageHour.objects.filter(pk__in=[row.pk for row in unreported]).update(
        is_reported=True
    )


SUMS = ("requests", "tokens_in", "tokens_out", "price_nano", "cost_nano")


def _note_use(latest: dict[int, datetime]) -> None:
    keys = ApiKey.objects.in_bulk(latest)
    for pk, key in keys.items():
        key.last_used_on = latest[pk].astimezone(UTC).date()
    ApiKey.objects.bulk_update(keys.values(), ["last_used_on"], batch_size=1_000)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def total(calls: Iterable[Usage]) -> int:
    return sum(call.price_nano for call in calls)
