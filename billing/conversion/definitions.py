"""What each number means: shown on hover, one truth for page and docs."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Definition:
    """A number's name, its meaning in a sentence, and its formula."""

    label: Promise
    meaning: Promise
    formula: str


DEFINITIONS: dict[str, Definition] = {
    "developers": Definition(
        _("Developers (N)"),
        _(
            "Distinct people who became active in the range: their address is "
            "verified and they made an API call, posted in the forum or had a "
            "contribution credited. Staff and test people are left out."
        ),
        "N = |{d : start ≤ activated(d) < end}|",
    ),
    "share": Definition(
        _("Conversion (α)"),
        _(
            "The share of these developers who have paid an invoice so far, "
            "with its 95 % Wilson interval. Younger ranges still grow, so the "
            "change compares with the earlier range at the same age."
        ),
        "α = converters ÷ N",
    ),
    "matured": Definition(
        _("Matured conversion"),
        _(
            "The share who paid within the conversion window after sign-up, of the "
            "developers whose window is over. Nobody else is in either part, so "
            "ranges can be compared."
        ),
        "α_W = |{paid ≤ sign-up + W}| ÷ |{sign-up + W ≤ now}|",
    ),
    "price": Definition(
        _("Price (p)"),
        _(
            "Net paid revenue per converted developer: paid invoices less "
            "refunds, without tax, of the organisations put down to them."
        ),
        "p = revenue ÷ converters",
    ),
    "cost": Definition(
        _("Cost (c)"),
        _(
            "Model cost per converted developer. The headline includes what "
            "everybody else in the range used for free; the formula's c counts "
            "only the converters' own usage."
        ),
        "c = model cost ÷ converters",
    ),
    "profit": Definition(
        _("Profit (π)"),
        _(
            "What these developers have earned so far: revenue less the whole "
            "model cost, the free tier included. From 200 developers on with "
            "Student's 95 % interval of the sum."
        ),
        "π = α·(p − c)·N",
    ),
    "paid": Definition(
        _("Paid"),
        _("Developers of the range who have paid at least one invoice."),
        "|{d ∈ N : paid(d)}|",
    ),
    "revenue": Definition(
        _("Revenue"),
        _("All paid invoices of these developers less refunds, without tax."),
        "Σ paid − Σ refunded",
    ),
}
