"""Questions people ask before they pay, and the code that keeps each answer."""

from dataclasses import dataclass

from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from billing.plans.grace import GRACE
from billing.plans.queries import plan_name
from entitlements.features import FREE

# Staff may call it otherwise, so it is read when the answer is.
_FREE_PLAN = lazy(plan_name, str)(FREE.plan)


@dataclass(frozen=True, slots=True)
class FrequentQuestion:
    """A question, its answer and, by name, the code that makes the answer true."""

    question: Promise
    answer: Promise
    kept_by: tuple[str, ...]


QUESTIONS = (
    FrequentQuestion(
        _("What stays free for ever?"),
        _(
            "The open models through the API within the free allowance, all docs, the"
            " forum, and everything you contribute. No card is asked for."
        ),
        ("entitlements.queries.entitlements_for",),
    ),
    FrequentQuestion(
        _("What happens when the included usage is used up?"),
        _(
            "Calls are refused with a clear error until the plan's next month begins or"
            " the plan is changed. Nothing beyond it is billed, unless the plan says at"
            " what price and you have set a cap."
        ),
        (
            "inference.gateway.admission.Admission._refuse",
            "billing.overage.services.set_cap",
        ),
    ),
    FrequentQuestion(
        _("Can I cancel at any time?"),
        format_lazy(
            _(
                "Yes, from the billing page. The plan stays until the end of the period"
                " you paid for, then the organisation goes on with the plan {plan}, or"
                " with one that it was given. Keys and data stay."
            ),
            plan=_FREE_PLAN,
        ),
        (
            "billing.subscriptions.services.open_portal",
            "billing.subscriptions.mirror.settle_grants_of",
            "billing.subscriptions.entitling.plan_after",
        ),
    ),
    FrequentQuestion(
        _("What if a payment fails?"),
        format_lazy(
            ngettext_lazy(
                "When a renewal fails, the plan stays for {days} day while the payment"
                " is tried again. We tell you on the billing page; paying the open"
                " invoice puts everything right at once.",
                "When a renewal fails, the plan stays for {days} days while the payment"
                " is tried again. We tell you on the billing page; paying the open"
                " invoice puts everything right at once.",
                GRACE.days,
            ),
            days=GRACE.days,
        ),
        ("billing.subscriptions.entitling.is_granting",),
    ),
    FrequentQuestion(
        _("How do seats work?"),
        _(
            "A seat is one member of your organisation. Seats bring usage with them and"
            " all members share it. When all are taken nobody new can join until you add"
            " seats, which the billing page lets you do. With fewer seats nobody is sent"
            " away."
        ),
        (
            "accounts.seats.require_seat_to_offer",
            "accounts.seats.require_seat_to_take",
            "billing.plans.models.PlanVersion.features_for",
        ),
    ),
    FrequentQuestion(
        _("Who sees my card?"),
        _(
            "Only Stripe does: you pay on their page. We see its brand, the last four"
            " digits and when it expires."
        ),
        ("billing.stripe.convert.card",),
    ),
)
