"""Closing a period: what its usage is charged becomes a statement, once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from billing.credits.drawing import cover_usage
from billing.credits.lines import locked
from billing.credits.models import CURRENCY, Coverage, CoveredUsage
from billing.credits.periods import ensure_coverage
from billing.overage import notices
from billing.overage.arithmetic import carried_after, in_minor_units
from billing.overage.models import Statement, StatementLine

# Usage is reported twice a minute, and what a killed gateway had open is swept within
# two. Stripe keeps the invoice of a new period open for an hour.
LAST_REPORTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a line is about: a model; or a tier, of a price that has tiers."""

    coverage_id: int
    model: str
    tier: int = 0


# Usage and its charge, in billionths.
Sums = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line before it is written."""

    coverage: Coverage
    model: str
    tier: int
    percent: int
    usage_nano: int
    charge_nano: int


def close_periods(*, now: datetime | None = None) -> list[int]:
    """Close every period that is over and has something to charge; return statements.

    What is heard of a closed period later is a line of its own with the next.
    """
    moment = (now or timezone.now()) - LAST_REPORTS
    ended = Coverage.objects.unstated().filter(ends_at__lte=moment)
    ids = list(ended.order_by().values_list("organisation_id", flat=True).distinct())
    return [pk for each in sorted(ids) for pk in close_organisation(each, until=moment)]


@transaction.atomic
def close_organisation(organisation_id: int, *, until: datetime) -> list[int]:
    """Close an organisation's periods that ended by ``until``, the oldest first.

    Its row is locked: of two at once the second finds nothing left to charge. Usage
    that waits is covered first.
    """
    locked(organisation_id)
    cover_usage(organisation_id)
    own = Coverage.objects.filter(organisation_id=organisation_id)
    ended = list(own.filter(ends_at__lte=until).order_by("starts_at"))
    statements = Statement.objects.filter(organisation_id=organisation_id)
    done = set(statements.values_list("coverage_id", flat=True))
    closed: list[int] = []
    while news := [each for each in ended if each.charged_nano != each.stated_nano]:
        first = ended.index(news[0])
        free = [n for n, each in enumerate(ended[first:], first) if each.pk not in done]
        if not free:
            # It goes with the period that runs, so there has to be one.
            ensure_coverage(organisation_id, timezone.now())
            break
        done.add(ended[free[0]].pk)
        closed.append(_close(ended[free[0]], ended[: free[0] + 1]).pk)
    return closed


def charged_usage(
    coverages: Iterable[Coverage], *, counted_to: int
) -> dict[Subject, Sums]:
    """Return what the ledger charges of periods, as of one of its rows."""
    prices = {each.pk: each.price for each in coverages}
    rows = (
        CoveredUsage.objects.filter(coverage_id__in=list(prices), pk__lte=counted_to)
        .exclude(charged_nano=0)
        .values("coverage_id", "usage__model")
        .annotate(sum=Sum("charged_nano"))
        .values_list("coverage_id", "usage__model", "sum")
    )
    charged: dict[Subject, Sums] = {}
    # Tiers count a period's usage whole, whatever the models were.
    wholes: dict[int, int] = {}
    for pk, model, total in rows:
        usage = int(total)
        if prices[pk].is_tiered:
            wholes[pk] = wholes.get(pk, 0) + usage
        else:
            charge = prices[pk].charge_of(usage)
            charged[Subject(pk, model or "")] = (usage, charge)
    for pk, usage in wholes.items():
        for part in prices[pk].parts_of(usage):
            charged[Subject(pk, "", part.tier)] = (part.usage_nano, part.charge_nano)
    return charged


def stated_usage(
    coverages: Iterable[Coverage], *, before: int | None = None
) -> dict[Subject, Sums]:
    """Return what statements charged of periods, all or those before one."""
    lines = StatementLine.objects.filter(coverage__in=[each.pk for each in coverages])
    if before is not None:
        lines = lines.filter(statement_id__lt=before)
    rows = (
        lines.order_by()
        .values("coverage_id", "model", "tier")
        .annotate(usage=Sum("usage_nano"), charge=Sum("charge_nano"))
        .values_list("coverage_id", "model", "tier", "usage", "charge")
    )
    return {
        Subject(pk, model, tier): (int(usage), int(charge))
        for pk, model, tier, usage, charge in rows
    }


def wanted_lines(
    coverages: Iterable[Coverage],
    *,
    charged: Mapping[Subject, Sums],
    stated: Mapping[Subject, Sums],
) -> Iterator[NewLine]:
    """Yield the difference between what is charged and what was stated before.

    In one order: the oldest period first, models by name, tiers from the first.
    """
    subjects = sorted({*charged, *stated})
    for coverage in sorted(coverages, key=lambda each: each.starts_at):
        for each in subjects:
            if each.coverage_id != coverage.pk:
                continue
            usage, charge = charged.get(each, (0, 0))
            usage_before, charge_before = stated.get(each, (0, 0))
            if usage != usage_before:
                yield NewLine(
                    coverage=coverage,
                    model=each.model,
                    tier=each.tier,
                    percent=coverage.price.percent_of(each.tier or 1),
                    usage_nano=usage - usage_before,
                    charge_nano=charge - charge_before,
                )


def _newest(organisation_id: int) -> int:
    covered = CoveredUsage.objects.filter(coverage__organisation_id=organisation_id)
    return int(covered.aggregate(newest=Max("pk"))["newest"] or 0)


def _close(coverage: Coverage, ended: list[Coverage]) -> Statement:
    """Write the statement of a period, with what is news of those before it."""
    counted_to = _newest(coverage.organisation_id)
    wanted = list(
        wanted_lines(
            ended,
            charged=charged_usage(ended, counted_to=counted_to),
            stated=stated_usage(ended),
        )
    )
    own = Statement.objects.filter(organisation_id=coverage.organisation_id)
    last = own.order_by("-pk").first()
    carried = last.carried_out_nano if last else 0
    priced = list(
        in_minor_units(
            [line.charge_nano for line in wanted],
            carried_nano=carried,
            currency=CURRENCY,
        )
    )
    statement = Statement.objects.create(
        organisation_id=coverage.organisation_id,
        coverage=coverage,
        amount=sum(each.amount for each in priced),
        carried_in_nano=carried,
        carried_out_nano=carried_after(priced, carried_nano=carried, currency=CURRENCY),
        counted_to=counted_to,
    )
    StatementLine.objects.bulk_create(
        StatementLine(
            statement=statement,
            coverage=line.coverage,
            model=line.model,
            tier=line.tier,
            percent=line.percent,
            usage_nano=line.usage_nano,
            charge_nano=line.charge_nano,
            amount=each.amount,
        )
        for line, each in zip(wanted, priced, strict=True)
    )
    for period in ended:
        if period.charged_nano != period.stated_nano:
            period.stated_nano = period.charged_nano
            period.save(update_fields=["stated_nano"])
    notices.notify_closed(statement)
    return statement
