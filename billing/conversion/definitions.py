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
            "The share who paid within the conversion window after they became active, "
            "of the newest days as many as the range has for which that window is over "
            "for everybody. All are equally old, so ranges can be compared."
        ),
        "α_W = |{paid ≤ activated + W}| ÷ |{activated + W ≤ now}|",
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
            "model cost, the free tier included. The 95 % interval is of what a like "
            "range with as many would earn; it is shown from so many on that unequal "
            "payments leave it right (25 times the squared skewness of all, and Hall's "
            "correction for it)."
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

# What is said otherwise where organisations are counted.
ORGANISATIONS: dict[str, Definition] = {
    "developers": Definition(
        _("Organisations (N)"),
        _(
            "Organisations whose first engaged person became active in them in the "
            "range: their founder, or who of their people was active first. A personal "
            "organisation nobody uses is left out when its person works in a team."
        ),
        "N = |{o : start ≤ engaged(o) < end}|",
    ),
    "share": Definition(
        _("Conversion (α)"),
        _(
            "The share of these organisations that have paid an invoice so far, whoever "
            "of their people paid it, with its 95 % Wilson interval."
        ),
        "α = paying organisations ÷ N",
    ),
    "price": Definition(
        _("Price (p)"),
        _("Net paid revenue per paying organisation, without tax."),
        "p = revenue ÷ paying organisations",
    ),
    "cost": Definition(
        _("Cost (c)"),
        _(
            "Model cost per paying organisation. The headline includes what all others "
            "in the range used for free."
        ),
        "c = model cost ÷ paying organisations",
    ),
    "paid": Definition(
        _("Paid"),
        _("Organisations of the range that have paid at least one invoice."),
        "|{o ∈ N : paid(o)}|",
    ),
}


def definition_of(name: str, unit: str = "") -> Definition:
    """Return what a number means where ``unit`` is counted."""
    if unit == "organisation" and name in ORGANISATIONS:
        return ORGANISATIONS[name]
    return DEFINITIONS[name]
