"""What the engine did in a month, and the rows behind each number of it."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.growth import behind, month
from billing.growth.figures import COUNTED
from billing.growth.lift import LiftSum
from billing.growth.measuring import ENGINE, dollar_rate, measure_each, of_offer
from billing.growth.models import Decision, Offer
from billing.growth.moments import Moment
from billing.growth.month import Month, MonthReport
from billing.growth.stats.sequential import Reading
from core.money import minor_per_unit
from core.reading import UnreadableValue, Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response

ARMS = ("treated", "holdout")


@require_safe
@staff_required
def show_month(
    request: AuthenticatedHttpRequest, address: str = ""
) -> HttpResponseBase:
    """What the engine did in a month, on one page that prints, also as CSV.

    Without an address it is this month. One that has not begun is not there.
    """
    now = timezone.now()
    current = Month.of(now)
    asked = Month.read(address) if address else current
    if asked is None or asked > current:
        raise Http404
    found = month.report(asked, now=now)
    if _is_csv(request):
        audit.record("engine_month.exported", actor=request.user, target=str(asked))
        columns = ("part", "name", "figure", "value", "low", "high", "unit")
        return csv_response(f"engine-{asked}.csv", columns, _lines(found))
    first = month.first_month() or current
    context = {
        "report": found,
        "lifts": found.lifts,
        "previous": asked.previous if asked > first else None,
        "following": asked.following if asked < current else None,
        "is_over": asked < current,
        "as_of": now,
        "behind": f"month={asked}",
        "currency": settings.REPORTING_CURRENCY,
        "has_rate": dollar_rate() is not None,
    }
    return render(request, "growth/month.html", context)


@require_safe
@staff_required
def decision_list(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The decisions that a count of a month counts, also as CSV."""
    asked = Values(request.GET)
    span, now = _month_of(asked), timezone.now()
    counted = asked.choice("count", tuple(COUNTED), default="occurred")
    moment = asked.choice("moment", Moment.values)
    offer = _offer_of(asked)
    found = Decision.objects.filter(
        COUNTED[counted],
        decided_at__gte=span.start,
        decided_at__lt=min(span.end, now),
        **({"moment": moment} if moment else {}),
        **({"intended": offer} if offer else {}),
    ).select_related("organisation", "intended")
    order = ("-decided_at", "-pk")
    if _is_csv(request):
        audit.record("decisions.exported", actor=request.user, target=str(span))
        names = ["decided_at", "organisation__slug", "moment", "reason"]
        names += ["intended__key", "seen_at", "accepted_at", "paid_at"]
        columns = [name.partition("__")[0] for name in names]
        rows = found.order_by(*order).values_list(*names).iterator()
        return csv_response(f"decisions-{span}.csv", columns, rows)
    context = {
        "month": span,
        "counted": counted,
        "moment": Moment(moment) if moment else None,
        "offer": offer,
        "count": found.count(),
        "page": paginate(found, order_by=order, cursor=cursor_of(request)),
        "query": urlencode(
            {
                "month": str(span),
                "count": counted,
                "moment": moment,
                "offer": offer.key if offer else "",
            }
        ),
    }
    return render(request, "growth/decisions.html", context)


@require_safe
@staff_required
def unit_list(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The organisations that a lift of a month is read from, also as CSV."""
    asked = Values(request.GET)
    span = _month_of(asked)
    offer = _offer_of(asked)
    arm = asked.choice("arm", ARMS, default="treated")
    is_payer = asked.flag("payers")
    compared = of_offer(offer.pk) if offer else ENGINE
    start, end = span.start, min(span.end, timezone.now())
    found = behind.first_decisions(
        compared, start, end, arm=arm, is_payer=is_payer
    ).select_related("organisation")
    order = ("-decided_at", "-pk")
    if _is_csv(request):
        audit.record("treated_units.exported", actor=request.user, target=str(span))
        rows = behind.money_of(list(found.order_by(*order)), compared, start, end)
        currency = settings.REPORTING_CURRENCY
        columns = ["organisation", "since", "paid_before", "new_payer"]
        columns += [
            f"{name}_nano_{currency}"
            for name in ("revenue", "credits", "trial_usage", "other_usage", "profit")
        ]
        return csv_response(
            f"organisations-{span}.csv",
            columns,
            (
                (
                    *(first.organisation.slug, unit.since),
                    *(unit.was_customer, unit.is_payer, unit.revenue, unit.credits),
                    *(unit.trial_usage, unit.other_usage, unit.profit),
                )
                for first, unit in rows
            ),
        )
    page = paginate(found, order_by=order, cursor=cursor_of(request))
    units = measure_each(compared, start, end)
    all_of_arm = [
        unit for unit in units if unit.arm == arm and (unit.is_payer or not is_payer)
    ]
    context = {
        "month": span,
        "offer": offer,
        "arm": arm,
        "is_payer": is_payer,
        "count": len(all_of_arm),
        "sums": {
            name: sum(getattr(unit, name) for unit in all_of_arm)
            for name in ("revenue", "offer_cost", "other_usage", "profit")
        },
        "rows": behind.money_of(page.items, compared, start, end),
        "page": page,
        "query": urlencode(
            {
                "month": str(span),
                "arm": arm,
                "payers": int(is_payer),
                "offer": offer.key if offer else "",
            }
        ),
        "currency": settings.REPORTING_CURRENCY,
        "has_rate": dollar_rate() is not None,
    }
    return render(request, "growth/units.html", context)


def _month_of(asked: Values) -> Month:
    """Return the month a list is about; this one where none is named."""
    text = asked.text("month", most=7)  # 2026-11
    found = Month.read(text) if text else Month.of(timezone.now())
    if found is None:
        raise UnreadableValue("month", _("“%(field)s” has to be a month: 2026-11."))
    return found


def _offer_of(asked: Values) -> Offer | None:
    key = asked.text("offer", most=40)  # The column's width.
    return get_object_or_404(Offer, key=key) if key else None


def _is_csv(request: HttpRequest) -> bool:
    return Values(request.GET).choice("format", ("csv",)) == "csv"


def _lines(found: MonthReport) -> Iterator[tuple[Any, ...]]:
    """Yield every figure of the page as a line of its own, in the page's order."""
    for name in COUNTED:
        yield ("engine", "", name, getattr(found.counts, name), "", "", "decisions")
    engine = found.lifts.engine
    for arm, measured in (("treated", engine.treated), ("holdout", engine.control)):
        yield ("engine", arm, "organisations", measured.units, "", "", "organisations")
        yield ("engine", arm, "new", measured.new, "", "", "organisations")
        yield ("engine", arm, "payers", measured.payers, "", "", "organisations")
    is_off = engine.is_off
    yield from _effects("engine", "", engine.share, engine.cost, engine.profit, is_off)
    yield from _sums("engine", "", found.lifts.bridge, is_off)
    for each in found.offers:
        key, lift = each.offer.key, each.lift
        for name in COUNTED:
            yield ("offer", key, name, getattr(each.counts, name), "", "", "decisions")
        yield from _effects(
            "offer", key, lift.share, lift.cost, lift.profit, lift.is_off
        )
        yield from _sums("offer", key, each.bridge, lift.is_off)
    for stop in found.stops:
        read = (stop.value_nano, stop.low_nano, stop.high_nano)
        yield ("stopped", stop.offer.key, "profit_each", *read, f"nano {stop.currency}")
    for row in found.running:
        yield ("experiment", row.experiment.key, "units", row.units, "", "", "")
    for learnt in found.learning:
        for key, share in learnt.shares:
            yield ("policy", learnt.policy.moment, key, share, "", "", "share")
    for moment in found.moments:
        for name in COUNTED:
            yield ("moment", moment.moment, name, getattr(moment, name), "", "", "")


def _effects(
    part: str, name: str, share: Reading, cost: Reading, profit: Reading, is_off: bool
) -> Iterable[tuple[Any, ...]]:
    """Yield the lifts; empty where too little is known, or the split is off."""
    money = ["lift_in_cost_each", "lift_in_profit_each"] if dollar_rate() else []
    units = ["share", settings.REPORTING_CURRENCY, settings.REPORTING_CURRENCY]
    readings = (share, cost, profit)
    for figure, reading, unit in zip(
        ("lift_in_share", *money), readings, units, strict=False
    ):
        estimate = None if is_off else reading.estimate
        values = (
            (estimate.value, estimate.low, estimate.high) if estimate else ("",) * 3
        )
        yield (part, name, figure, *values, unit)


def _sums(
    part: str, name: str, sums: LiftSum, is_off: bool
) -> Iterable[tuple[Any, ...]]:
    if is_off or not dollar_rate():
        return
    unit = (
        f"1/{minor_per_unit(settings.REPORTING_CURRENCY)} {settings.REPORTING_CURRENCY}"
    )
    for figure in ("revenue", "offers", "usage", "profit"):
        yield (part, name, figure, getattr(sums, figure), "", "", unit)
