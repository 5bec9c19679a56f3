from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.catalogue.tier_lines import read_tiers, written_tiers
from billing.plans.drafts import PlanTerms
from billing.plans.models import Plan, PlanVersion, Price
from core.money import NANO, minor_per_unit
from edge.fields import FreeUnder
from entitlements.features import FREE, Features
from entitlements.usage_price import MOST_PERCENT, Mode, Tier, UsagePrice

# Those in which prices are shown with their own sign, and yen, which has no cents.
CURRENCIES = ("usd", "eur", "cny", "gbp", "jpy")
# Far beyond any plan, and far below what the columns hold.
MOST_COUNT, MOST_SEATS, MOST_DOLLARS = 100_000_000, 100_000, 1_000_000
# Stripe takes trials of at most two years.
MOST_TRIAL_DAYS = 730
# As the column.
MOST_RANK = 32_767
# As long as an entry of the audit log is read.
MOST_OF_A_REASON = 200


def _whole(label: Any, *, most: int, least: int = 0, **kwargs: Any) -> Any:
    return forms.IntegerField(label=label, min_value=least, max_value=most, **kwargs)


def _money(label: Any, **kwargs: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_value=MOST_DOLLARS,
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
        **kwargs,
    )


class NewPlanForm(forms.Form):
    """A plan that is not sold yet."""

    name = forms.CharField(label=_("Name"), max_length=60)
    key = forms.SlugField(
        label=_("Short name"),
        max_length=40,
        validators=[FreeUnder("staff/plans/")],
        help_text=_("In addresses and at Stripe, as pro. It stays as it is."),
    )
    summary = forms.CharField(label=_("Summary"), max_length=160, required=False)
    edition = forms.ChoiceField(label=_("Edition"), choices=Plan.Edition.choices)
    tier_rank = _whole(
        _("Rank"),
        most=MOST_RANK,
        help_text=_("Where an organisation holds two plans, the higher one counts."),
    )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"].lower()
        if Plan.objects.filter(key=key).exists():
            raise forms.ValidationError(_("There is a plan of this name."))
        return key

    def clean_tier_rank(self) -> int:
        rank: int = self.cleaned_data["tier_rank"]
        if Plan.objects.filter(tier_rank=rank).exists():
            raise forms.ValidationError(_("Another plan has this rank."))
        return rank


class PlanForm(forms.Form):
    """What a plan is called, and who sees it."""

    name = forms.CharField(label=_("Name"), max_length=60)
    summary = forms.CharField(label=_("Summary"), max_length=160, required=False)
    is_public = forms.BooleanField(label=_("Shown on the pricing page"), required=False)


class ArchiveForm(forms.Form):
    """Why a plan is sold no longer."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_OF_A_REASON,
        help_text=_("It is kept in the audit log."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )


class PublishForm(ArchiveForm):
    """The reason, and what was looked at."""

    fingerprint = forms.CharField(max_length=64, widget=forms.HiddenInput)


class DraftForm(forms.Form):
    """The next terms of a plan."""

    collection = forms.ChoiceField(
        label=_("How it is paid"),
        choices=[
            (each.value, each.label)
            for each in PlanVersion.Collection
            if each != PlanVersion.Collection.FREE
        ],
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=[(each, each.upper()) for each in CURRENCIES]
    )
    month = _money(
        _("Price of a month"),
        required=False,
        help_text=_("Per seat, where there may be more than one. Empty: not sold."),
    )
    year = _money(_("Price of a year"), required=False, help_text=_("As above."))
    seat_min = _whole(_("Fewest seats"), least=1, most=MOST_SEATS)
    seat_max = _whole(_("Most seats"), least=1, most=MOST_SEATS)
    trial_days = _whole(
        _("Days of trial"), most=MOST_TRIAL_DAYS, help_text=_("0: there is none.")
    )
    trial_needs_card = forms.BooleanField(
        label=_("A trial begins with a card"), required=False
    )
    premium_models = forms.BooleanField(label=_("Premium models"), required=False)
    allowance = _money(
        _("Usage included per month, in US dollars"),
        help_text=_("Per seat, as the price."),
    )
    usage_mode = forms.ChoiceField(
        label=_("Price of usage beyond it"),
        choices=[
            (Mode.FLAT.value, _("One per cent for all of it")),
            (Mode.GRADUATED.value, _("Graduated: each tier's usage at its per cent")),
            (Mode.VOLUME.value, _("Volume: all usage at the per cent it reaches")),
            (Mode.PACKAGE.value, _("Package: each one begun at its price")),
        ],
        help_text=_(
            "A period's usage counts whole, over all models. It is charged up to the cap"
            " that each customer sets."
        ),
    )
    overage_percent = _whole(
        _("One per cent: of the model's price"),
        most=MOST_PERCENT,
        required=False,
        help_text=_("0: calls beyond it are refused."),
    )
    tiers = forms.CharField(
        label=_("Tiers, one a line"),
        required=False,
        max_length=400,
        widget=forms.Textarea(
            attrs={"class": "input mono", "rows": 4, "spellcheck": "false"}
        ),
        help_text=_(
            "Up to how many US dollars of usage, and its per cent, as 100: 120. The last"
            " line is for the rest, as *: 80."
        ),
    )
    package_size = _money(_("Package: usage in it, in US dollars"), required=False)
    package_price = _money(_("Package: its price, in US dollars"), required=False)
    requests_per_minute = _whole(_("Requests per minute"), least=1, most=MOST_COUNT)
    tokens_per_minute = _whole(_("Tokens per minute"), least=1, most=MOST_COUNT)
    concurrent_requests = _whole(
        _("Requests at the same time"), least=1, most=MOST_COUNT
    )
    audit_log = forms.BooleanField(label=_("Audit log"), required=False)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        least, most = values.get("seat_min"), values.get("seat_max")
        if least and most and most < least:
            self.add_error("seat_max", _("Not fewer than the fewest."))
        amounts = [values.get(each) for each in Price.Interval.values]
        if not self.errors and not any(amounts):
            self.add_error("month", _("What is sold has a price, by month or year."))
        unit = minor_per_unit(values.get("currency") or "usd")
        for interval in Price.Interval.values:
            amount = values.get(interval)
            if amount is not None and amount * unit != int(amount * unit):
                self.add_error(interval, _("This currency has no smaller unit."))
            if amount is not None and not amount:
                self.add_error(interval, _("Leave it empty where it is not sold."))
        is_online = values.get("collection") == PlanVersion.Collection.AUTOMATIC
        if values.get("trial_days") and not is_online:
            self.add_error("trial_days", _("Only what is bought online has a trial."))
        if "usage_mode" in values:
            self._read_usage_price(values)
        return values

    def _read_usage_price(self, values: dict[str, Any]) -> None:
        mode = Mode(values["usage_mode"])
        if mode is Mode.FLAT:
            if values.get("overage_percent") is None:
                self.add_error("overage_percent", _("Give it, or 0."))
                return
            values["usage_price"] = UsagePrice.flat(values["overage_percent"])
        elif mode is Mode.PACKAGE:
            for name in ("package_size", "package_price"):
                if not values.get(name) and name not in self.errors:
                    self.add_error(name, _("A package has a size and a price."))
            if not self.errors:
                values["usage_price"] = UsagePrice(
                    mode=mode,
                    package_nano=int(values["package_size"] * NANO),
                    package_price_nano=int(values["package_price"] * NANO),
                )
        else:
            try:
                tiers: tuple[Tier, ...] = read_tiers(values.get("tiers") or "")
            except forms.ValidationError as no:
                self.add_error("tiers", no)
            else:
                values["usage_price"] = UsagePrice(mode=mode, tiers=tiers)

    def terms(self, key: str) -> PlanTerms:
        """Return the valid form as terms of the plan ``key``."""
        values = self.cleaned_data
        unit = minor_per_unit(values["currency"])
        return PlanTerms(
            features=Features(
                plan=key,
                premium_models=values["premium_models"],
                requests_per_minute=values["requests_per_minute"],
                tokens_per_minute=values["tokens_per_minute"],
                concurrent_requests=values["concurrent_requests"],
                monthly_allowance_nano=int(values["allowance"] * NANO),
                seats=values["seat_min"],
                audit_log=values["audit_log"],
            ),
            collection=values["collection"],
            seat_min=values["seat_min"],
            seat_max=values["seat_max"],
            trial_days=values["trial_days"],
            trial_needs_card=values["trial_needs_card"],
            usage_price=values["usage_price"],
            currency=values["currency"],
            prices={
                interval: int(values[interval] * unit)
                for interval in Price.Interval.values
                if values[interval] is not None
            },
        )


def shown_terms(terms: PlanTerms | None) -> dict[str, Any]:
    """Return terms as the form shows them; without any, those of the free plan."""
    features = terms.features if terms else FREE
    currency = terms.currency if terms else "usd"
    unit = minor_per_unit(currency)
    prices = terms.prices if terms else {}
    return {
        "collection": terms.collection
        if terms
        else PlanVersion.Collection.AUTOMATIC.value,
        "currency": currency,
        **{
            each: (Decimal(prices[each]) / unit).quantize(Decimal(1) / unit)
            for each in Price.Interval.values
            if each in prices
        },
        "seat_min": terms.seat_min if terms else 1,
        "seat_max": terms.seat_max if terms else 1,
        "trial_days": terms.trial_days if terms else 0,
        "trial_needs_card": terms.trial_needs_card if terms else True,
        **_shown_usage_price(terms.usage_price if terms else UsagePrice()),
        "allowance": (Decimal(features.monthly_allowance_nano) / NANO).quantize(
            Decimal("0.01")
        ),
        **{
            name: getattr(features, name)
            for name in (
                *("premium_models", "requests_per_minute", "tokens_per_minute"),
                *("concurrent_requests", "audit_log"),
            )
        },
    }


def _shown_usage_price(price: UsagePrice) -> dict[str, Any]:
    cent = Decimal("0.01")
    shown: dict[str, Any] = {
        "usage_mode": price.mode.value,
        "overage_percent": price.percent,
    }
    if price.mode is Mode.PACKAGE:
        shown["package_size"] = (Decimal(price.package_nano) / NANO).quantize(cent)
        shown["package_price"] = (Decimal(price.package_price_nano) / NANO).quantize(
            cent
        )
    elif price.is_tiered:
        shown["tiers"] = written_tiers(price.tiers)
    return shown
