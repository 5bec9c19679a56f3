"""The pricing page."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Organisation
from accounts.permissions import can_manage_billing
from accounts.queries import current_organisation
from accounts.services import choose_organisation
from accounts.wishes import FIELD, wish_of
from billing.plans import usage_words
from billing.plans.comparison import Estimate, comparison, highlights
from billing.plans.forms import InquiryForm
from billing.plans.models import Price
from billing.plans.queries import Offer, in_words, offers
from billing.plans.questions import QUESTIONS
from billing.plans.services import send_inquiry
from core.errors import RateLimited
from core.reading import Values
from edge import drafting
from edge.callers import place_of
from entitlements.features import FREE, Features
from entitlements.queries import entitlements_for, premium_organisation
from stores import limiter

# As many as the default Team plan sells; beyond are conversations, not sliders.
MOST_SEATS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCard:
    """One plan as the pricing page shows it for an interval and seats."""

    offer: Offer
    price: Price | None
    seats: int
    saving: int

    @property
    def features(self) -> Features:
        return self.offer.version.features_for(self.seats)

    @property
    def highlights(self) -> list[str]:
        points = list(highlights(self.features))
        price = self.offer.version.usage_price
        if price.is_charged:
            points += usage_words.told(price)
            points.append(_("Charged up to a cap of yours"))
        return points

    @property
    def examples(self) -> list[usage_words.Example]:
        """What some usage beyond the plan costs, where tiers make one ask."""
        price = self.offer.version.usage_price
        return list(usage_words.examples(price)) if price.is_tiered else []

    @property
    def total(self) -> int | None:
        return self.price.amount_for(self.seats) if self.price else None


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    """Show every plan on offer with its price for an interval and some seats."""
    asked = Values(request.GET)
    interval = asked.choice(
        "interval", Price.Interval.values, default=Price.Interval.MONTH
    )
    seats = asked.whole("seats", default=5, least=1, most=MOST_SEATS)
    cards = [_card(offer, interval=interval, seats=seats) for offer in offers()]
    estimate = Estimate.from_query(request.GET.dict())
    organisation = _buyer(request)
    current = entitlements_for(organisation.pk).plan if organisation else ""
    context = {
        "cards": cards,
        "organisation": organisation,
        "current_plan": current,
        "is_paying": current not in {"", FREE.plan},
        "included_for": (
            premium_organisation(request.user)
            if request.user.is_authenticated
            else None
        ),
        "carried": _carried(organisation, wish_of(request)),
        "wish": wish_of(request),
        "interval": interval,
        "intervals": Price.Interval.choices,
        "seats": seats,
        "most_seats": MOST_SEATS,
        "saving": max((card.saving for card in cards), default=0),
        "rows": comparison([card.features for card in cards]),
        "questions": QUESTIONS,
        "estimate": estimate,
        "estimate_plan": _cheapest(cards, estimate) if estimate else None,
    }
    return render(request, "plans/pricing.html", context)


@require_safe
def premium_fragment(request: HttpRequest) -> HttpResponse:
    """Which plans on offer include the premium models, for the pages of models."""
    including: list[str] = []
    others: list[str] = []
    for offer in offers():
        names = including if offer.features.premium_models else others
        names.append(in_words(offer.plan.name))
    between = pgettext("between names", ", ")
    context = {"including": between.join(including), "others": between.join(others)}
    return render(request, "plans/_premium.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def talk(request: HttpRequest) -> HttpResponse:
    """Take a question about a plan that is sold in person."""
    asked = Values(request.GET)
    plan = asked.text("plan")
    if plan not in {offer.plan.key for offer in offers()}:
        plan = ""
    sent = request.POST if request.method == "POST" else None
    form = InquiryForm(sent, initial=_known_of(request))
    context = {"form": form, "plan": plan, "is_sent": asked.flag("sent")}
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "plans/talk.html", context, status=status)
    try:
        # Mails to sales, from an address nobody has signed in from.
        limiter.check("inquiry", place_of(request), limit=5, period=3600)
    except RateLimited as error:
        form.add_error(None, str(error))
        answer = render(request, "plans/talk.html", context, status=error.status)
        answer["Retry-After"] = str(error.retry_after)
        return answer
    user = request.user if request.user.is_authenticated else None
    send_inquiry(form.inquiry(plan=plan, user=user))
    drafting.accept(request)
    return redirect(f"{reverse('plans:talk')}?sent=1")


def _buyer(request: HttpRequest) -> Organisation | None:
    """Return whom the reader would buy for; ``org`` makes it the one they work in."""
    if not request.user.is_authenticated:
        return None
    mine = Organisation.objects.filter(memberships__user_id=request.user.pk)
    asked = mine.filter(slug=Values(request.GET).text("org")).first()
    if asked is not None:
        choose_organisation(request.user, asked)
    organisation = asked or current_organisation(request.user)
    can_pay = can_manage_billing(request.user, organisation)
    return organisation if can_pay else None


def _carried(organisation: Organisation | None, wish: str) -> str:
    """Return the rest of a query: whom the order is for and what it is wanted for."""
    values = {"org": organisation.slug if organisation else "", FIELD: wish}
    return "".join(
        f"&{urlencode({name: value})}" for name, value in values.items() if value
    )


def _known_of(request: HttpRequest) -> dict[str, str]:
    if not request.user.is_authenticated:
        return {}
    return {"name": request.user.display_name, "email": request.user.email}


def _card(offer: Offer, *, interval: str, seats: int) -> PlanCard:
    # A plan that is only sold by the year shows that price.
    price = offer.price(interval) or next(iter(offer.prices.values()), None)
    return PlanCard(
        offer=offer,
        price=price,
        seats=offer.version.fitting_seats(seats) if offer.version.is_per_seat else 1,
        saving=_saving(offer),
    )


def _saving(offer: Offer) -> int:
    """Return the percentage saved by paying for a year."""
    month = offer.price(Price.Interval.MONTH)
    year = offer.price(Price.Interval.YEAR)
    if month is None or year is None or not month.unit_amount:
        return 0
    return round(100 * (1 - year.unit_amount / (12 * month.unit_amount)))


def _cheapest(cards: list[PlanCard], estimate: Estimate) -> PlanCard | None:
    """Return the first plan, smallest first, whose allowance covers the estimate."""
    for card in cards:
        features = card.features
        if features.monthly_allowance_nano >= estimate.nano:
            return card
    return None
