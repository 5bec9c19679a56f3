"""The staff's attribution page: every number opens to its invoices and touches."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db.models import Max
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.attribution.asked import ReportScope
from billing.attribution.assets import Asset, named
from billing.attribution.logged import TOUCHES_SQL
from billing.attribution.maths.splitting import split
from billing.attribution.maths.weighing import AttributionModel
from billing.attribution.models import MOST_KEY, AssetKind, Touch, Way
from billing.attribution.report import (
    COSTS_SQL,
    INVOICES_SQL,
    Attribution,
    Share,
    attribute,
    money_of,
    parts_of,
    weigh,
    worth_of,
)
from billing.ledger.models import Invoice
from core.reading import Values
from edge.tables import csv_response

# A screen of assets; the file has all of them.
SHOWN = 50
# Invoices behind one asset on a page; the file has all of them.
SHOWN_INVOICES = 200


@require_safe
@staff_required
def home(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Revenue and margin by asset, in one model, and by kind in all of them."""
    asked = ReportScope.read(request)
    money = money_of(asked.days)
    ways, effects = asked.ways(money.organisations), asked.effects
    found = attribute(money, ways, asked.model, effects)
    if _is_csv(request):
        return _csv(request, found)
    ranked = _ranked(found)
    titles = named([asset for asset, _share in ranked[:SHOWN]], reader=request.user)
    compared = [
        attribute(money, ways, model, effects).by_kind for model in AttributionModel
    ]
    by_kind = found.by_kind
    context = asked.context(request) | {
        "found": found,
        "money": money,
        "lines": [(titles[asset], share) for asset, share in ranked[:SHOWN]],
        "assets": len(ranked),
        "kinds": [(label, by_kind[kind]) for kind, label in AssetKind.choices],
        "most": max((abs(share.revenue) for _asset, share in ranked), default=0) or 1,
        "most_of_kind": max(abs(one.revenue) for one in by_kind.values()) or 1,
        "compared": [
            (label, [each[kind].revenue for each in compared])
            for kind, label in AssetKind.choices
        ],
        "sql": (INVOICES_SQL, COSTS_SQL, TOUCHES_SQL),
        "newest": Way.objects.aggregate(at=Max("derived_at"))["at"],
    }
    return render(request, "attribution/home.html", context)


@require_safe
@staff_required
def asset_detail(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The invoices of which a part is put down to one asset, the largest part first."""
    asked, values = ReportScope.read(request), Values(request.GET)
    kind = values.choice("kind", AssetKind.values, default=AssetKind.DOC)
    key = values.text("key", most=MOST_KEY)
    if not key:
        return redirect("attribution:home")
    asset = Asset(kind, key)
    touched = Touch.objects.filter(kind=kind, key=key, way__is_paid=True)
    money = money_of(asked.days).of(set(touched.values_list("way_id", flat=True)))
    ways = asked.ways(money.organisations)
    parts = parts_of(asset, money, ways, asked.model, asked.effects)
    invoices = Invoice.objects.select_related("organisation").defer("raw")
    if _is_csv(request):
        return _parts_csv(request, parts, invoices.in_bulk([pk for pk, *_ in parts]))
    shown = parts[:SHOWN_INVOICES]
    found = invoices.in_bulk([pk for pk, *_rest in shown])
    context = asked.context(request) | {
        "asset": named([asset], reader=request.user)[asset],
        "lines": [(found[pk], amount, part) for pk, amount, part in shown],
        "count": len(parts),
        "sum": sum(part for _pk, _amount, part in parts),
    }
    return render(request, "attribution/asset.html", context)


@require_safe
@staff_required
def invoice_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponseBase:
    """What one invoice was put down to, by every model: each column is the invoice."""
    invoice = get_object_or_404(
        Invoice.objects.visible_to(request.user).select_related("organisation"),
        pk=pk,
        paid_at__isnull=False,
    )
    asked = ReportScope.read(request)
    amount = worth_of(invoice)
    way = asked.ways({invoice.organisation_id}).get(invoice.organisation_id, [])
    columns = [
        split(amount or 0, weigh(way, model, asked.effects))
        for model in AttributionModel
        if way
    ]
    titles = named([met.asset for met in way], reader=request.user)
    people = User.objects.in_bulk({met.person_id for met in way})
    context = asked.context(request) | {
        "invoice": invoice,
        "amount": amount,
        "lines": [
            (titles[met.asset], met, people.get(met.person_id), parts)
            for met, parts in zip(way, zip(*columns, strict=True), strict=True)
        ],
    }
    return render(request, "attribution/invoice.html", context)


def _ranked(found: Attribution) -> list[tuple[Asset, Share]]:
    """Return the assets with most revenue first, of equal ones by their names."""
    return sorted(found.shares.items(), key=lambda one: (-one[1].revenue, one[0]))


def _is_csv(request: AuthenticatedHttpRequest) -> bool:
    return Values(request.GET).choice("format", ("csv",)) == "csv"


def _csv(request: AuthenticatedHttpRequest, found: Attribution) -> HttpResponseBase:
    audit.record("attribution.exported", actor=request.user)
    currency = settings.REPORTING_CURRENCY
    columns = ("kind", "key", "organisations", f"revenue_minor_{currency}")
    rows = [
        (*asset, len(share.organisations), share.revenue, share.cost_nano)
        for asset, share in _ranked(found)
    ]
    nothing = found.unattributed
    rows.append(
        (
            *("unattributed", "", len(nothing.organisations)),
            *(nothing.revenue, nothing.cost_nano),
        )
    )
    return csv_response("attribution.csv", (*columns, "cost_nano_usd"), rows)


def _parts_csv(
    request: AuthenticatedHttpRequest,
    parts: Sequence[tuple[int, int, int]],
    invoices: Mapping[int, Invoice],
) -> HttpResponseBase:
    audit.record("attribution.exported", actor=request.user)
    currency = settings.REPORTING_CURRENCY
    columns = ("number", "organisation", "paid_at")
    rows = (
        (
            *(invoices[pk].number, invoices[pk].organisation.slug),
            *(invoices[pk].paid_at, amount, part),
        )
        for pk, amount, part in parts
    )
    money = (f"counted_minor_{currency}", f"part_minor_{currency}")
    return csv_response("attribution-invoices.csv", (*columns, *money), rows)
