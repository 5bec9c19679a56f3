"""The situations in which something may be offered."""

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Moment(models.TextChoices):
    """What happened; each is a rule over facts, or something a page sees."""

    ALLOWANCE_80 = "allowance_80", _("80 % of the allowance used")
    PREMIUM_REFUSED = "premium_refused", _("Premium model refused")
    LIMIT_HIT = "limit_hit", _("Allowance used up")
    THIRD_ANSWER = "third_answer", _("Third answer accepted")
    CONTRIBUTION_MERGED = "contribution_merged", _("Contribution merged")
    COLLEAGUE = "colleague", _("Colleague of the same domain")
    PRICING_TWICE = "pricing_twice", _("Pricing read twice")
    TRIAL_ENDING = "trial_ending", _("Trial ending")
    CARD_FAILING = "card_failing", _("Payment failing")
    USAGE_FALLING = "usage_falling", _("Usage falling")
    LEAVING = "leaving", _("Leaving a plan")
    CAMPAIGN = "campaign", _("A campaign's step is due")


# A campaign says itself what it offers: no policy and no experiment is asked.
CHOOSING = [each for each in Moment if each != Moment.CAMPAIGN]


@dataclass(frozen=True, slots=True)
class MomentRule:
    """When a moment is there, in words, and what makes two of them one occasion."""

    rule: Promise
    once: Promise


_A_MONTH = _("once a month")
_A_DAY = _("once a day")
_EVER = _("once")

RULES: dict[str, MomentRule] = {
    Moment.ALLOWANCE_80: MomentRule(
        _("The month's usage of an organisation passes 80 % of its allowance."),
        _A_MONTH,
    ),
    Moment.PREMIUM_REFUSED: MomentRule(
        _("A call of a premium model was refused for want of a plan."), _A_DAY
    ),
    Moment.LIMIT_HIT: MomentRule(
        _("A call was refused because the month's allowance is used up."), _A_MONTH
    ),
    Moment.THIRD_ANSWER: MomentRule(
        _("The third answer of a person was accepted."), _EVER
    ),
    Moment.CONTRIBUTION_MERGED: MomentRule(
        _("A contribution of a person was credited."), _("once for each")
    ),
    Moment.COLLEAGUE: MomentRule(
        _(
            "Somebody verified an address of a company's domain at which another"
            " person is already here."
        ),
        _("once for each domain"),
    ),
    Moment.PRICING_TWICE: MomentRule(
        _("A person opened the pricing page a second time within seven days."),
        _("once a week"),
    ),
    Moment.TRIAL_ENDING: MomentRule(
        _("A trial ends within three days."), _("once for each trial")
    ),
    Moment.CARD_FAILING: MomentRule(
        _("A payment was declined."), _("once for each invoice")
    ),
    Moment.USAGE_FALLING: MomentRule(
        _(
            "A paying organisation used less than half in the last 14 days of what it"
            " used in the 14 days before."
        ),
        _A_MONTH,
    ),
    Moment.LEAVING: MomentRule(_("Somebody says why they want to end a plan."), _A_DAY),
    Moment.CAMPAIGN: MomentRule(
        _("An organisation has come to a step of a campaign that offers something."),
        _("once for each step"),
    ),
}
