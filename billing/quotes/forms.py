import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from accounts.models import Organisation
from billing.plans.models import Price
from billing.quotes.models import Buyer
from billing.quotes.queries import plan_name
from billing.quotes.signing import BUYER_FIELDS
from billing.quotes.taxids import KINDS, InvalidTaxNumber, tidy
from core.money import format_minor
from edge.fields import TextField

# Whole years: what is longer or shorter is a conversation.
TERMS = ((12, _("One year")), (24, _("Two years")), (36, _("Three years")))
# What companies ask for; a longer one is a loan.
DUE_DAYS = (14, 30, 45, 60)
# A quote outlives a month of holidays, not a year of price lists.
MOST_VALID_DAYS = 90


def _country_choices() -> list[tuple[str, str]]:
    """Return codes and names in the reader's language."""
    return [("", "—"), *((code, str(name)) for code, name in countries)]


def _line(label: Any, most: int, **options: Any) -> forms.CharField:
    attrs = {"class": "input", **options.pop("attrs", {})}
    return forms.CharField(
        label=label, max_length=most, widget=forms.TextInput(attrs=attrs), **options
    )


class BuyerForm(forms.Form):
    """Whom a quote and its invoices are made out to."""

    company = _line(
        _("Company, as it is registered"), 120, attrs={"autocomplete": "organization"}
    )
    contact_name = _line(
        _("Who gets the invoices"), 120, attrs={"autocomplete": "name"}
    )
    contact_email = forms.EmailField(
        label=_("Their e-mail address"),
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "email"}),
    )
    line1 = _line(_("Address"), 200, attrs={"autocomplete": "address-line1"})
    line2 = _line(
        _("Address, second line"),
        200,
        required=False,
        attrs={"autocomplete": "address-line2"},
    )
    postal_code = _line(
        _("Postal code"), 20, required=False, attrs={"autocomplete": "postal-code"}
    )
    city = _line(_("City"), 120, attrs={"autocomplete": "address-level2"})
    state = _line(
        _("State or province"),
        120,
        required=False,
        attrs={"autocomplete": "address-level1"},
    )
    country = forms.ChoiceField(
        label=_("Country or region"),
        choices=_country_choices,
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    po_number = _line(
        _("PO number"),
        60,
        required=False,
        help_text=_("Your purchase order's, if invoices have to name one."),
    )
    tax_kind = forms.ChoiceField(
        label=_("Kind of tax number"),
        required=False,
        choices=lambda: [
            ("", "—"),
            *((key, each.label) for key, each in KINDS.items()),
        ],
    )
    tax_number = _line(_("Tax number"), 40, required=False)
    fapiao = forms.ChoiceField(
        label=_("Fapiao, for companies in China"),
        required=False,
        choices=Buyer.Fapiao.choices,
        help_text=_("A special one needs all the lines below, an ordinary one two."),
    )
    fapiao_title = _line(_("Fapiao title"), 120, required=False)
    fapiao_number = _line(_("Fapiao tax number"), 20, required=False)
    fapiao_address = _line(_("Registered address"), 200, required=False)
    fapiao_phone = _line(_("Registered phone"), 40, required=False)
    fapiao_bank = _line(_("Bank"), 120, required=False)
    fapiao_account = _line(_("Bank account"), 40, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self._clean_tax_number(data)
        self._clean_fapiao(data)
        return data

    @property
    def details(self) -> dict[str, str]:
        """The valid details as columns of ``Buyer``."""
        return {name: self.cleaned_data[name] for name in BUYER_FIELDS}

    def _clean_tax_number(self, data: dict[str, Any]) -> None:
        kind, number = data.get("tax_kind"), data.get("tax_number")
        if number and not kind:
            self.add_error("tax_kind", _("Say which kind of number it is."))
        elif kind and not number:
            self.add_error("tax_number", _("Write the number, or choose no kind."))
        elif kind and number:
            self._tidy("tax_number", kind, data)

    def _clean_fapiao(self, data: dict[str, Any]) -> None:
        lines = [name for name in BUYER_FIELDS if name.startswith("fapiao_")]
        wanted = data.get("fapiao")
        if not wanted:
            if any(data.get(name) for name in lines):
                self.add_error(
                    "fapiao", _("Choose a kind of fapiao, or leave its lines empty.")
                )
            return
        needed = lines if wanted == Buyer.Fapiao.SPECIAL else lines[:2]
        for name in needed:
            if not data.get(name) and name not in self.errors:
                self.add_error(name, _("This kind of fapiao needs this line."))
        if data.get("fapiao_number"):
            self._tidy("fapiao_number", "cn_tin", data)

    def _tidy(self, name: str, kind: str, data: dict[str, Any]) -> None:
        try:
            data[name] = tidy(kind, data[name])
        except InvalidTaxNumber:
            self.add_error(
                name,
                _("No such number can exist. Compare its digits with the original."),
            )


class _TermsForm(forms.Form):
    """Plan and price, seats and term; the price names the plan's version."""

    price = forms.ChoiceField(label=pgettext_lazy("quote", "Plan and billing period"))
    seats = forms.IntegerField(
        label=_("Seats"),
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
    term_months = forms.TypedChoiceField(label=_("Term"), choices=TERMS, coerce=int)

    def __init__(self, *args: Any, prices: list[Price], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prices = {price.lookup_key: price for price in prices}
        field = self.fields["price"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared
        field.choices = list(_price_choices(prices))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        price = self.prices.get(data.get("price", ""))
        if price is not None and "seats" in data:
            version = price.plan_version
            if not version.seat_min <= data["seats"] <= version.seat_max:
                self.add_error(
                    "seats",
                    _("This plan has from %(low)s to %(high)s seats.")
                    % {"low": version.seat_min, "high": version.seat_max},
                )
        return data

    @property
    def chosen(self) -> Price:
        return self.prices[self.cleaned_data["price"]]


class RequestForm(_TermsForm, BuyerForm):
    """A buyer's wish: what for how many, and whom it is made out to."""

    wishes = TextField(
        label=_("What else we should know"),
        max_length=2_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    field_order = ["price", "seats", "term_months", *BUYER_FIELDS, "wishes"]


class BeginForm(forms.Form):
    """For whom staff begin a quote."""

    organisation = _line(
        _("Organisation"),
        60,
        help_text=_("Its name in addresses, such as acme in /console/acme/."),
        attrs={"autocomplete": "off"},
    )

    def clean_organisation(self) -> Organisation:
        slug = self.cleaned_data["organisation"]
        found = Organisation.objects.filter(
            slug=slug, kind=Organisation.Kind.TEAM
        ).first()
        if found is None:
            raise forms.ValidationError(_("There is no such team."))
        return found


class TermsForm(_TermsForm):
    """What staff offer."""

    discount = forms.DecimalField(
        label=_("Discount in percent"),
        min_value=Decimal(0),
        max_value=Decimal(100),
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    usage_discount = forms.DecimalField(
        label=_("Discount on usage of models in percent"),
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(100),
        decimal_places=2,
        help_text=_("It holds while the contract runs."),
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    days_until_due = forms.TypedChoiceField(
        label=_("Days to pay an invoice"),
        choices=[(days, days) for days in DUE_DAYS],
        coerce=int,
    )
    valid_days = forms.IntegerField(
        label=_("Days it can be accepted"),
        min_value=1,
        max_value=MOST_VALID_DAYS,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
    renews = forms.BooleanField(
        label=_("Renews for another term unless somebody ends it"), required=False
    )
    remarks = TextField(
        label=_("What we promise beside the numbers"),
        max_length=2_000,
        required=False,
        help_text=_("Part of the quote: the buyer reads and signs it."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    @property
    def terms(self) -> dict[str, Any]:
        """The valid terms as columns of ``Quote``."""
        data = self.cleaned_data
        return {
            "price": self.chosen,
            "seats": data["seats"],
            "term_months": data["term_months"],
            "discount_bps": int(data["discount"] * 100),
            "usage_discount_bps": int((data["usage_discount"] or 0) * 100),
            "days_until_due": data["days_until_due"],
            "valid_days": data["valid_days"],
            "renews": data["renews"],
            "remarks": data["remarks"],
        }


class SignForm(forms.Form):
    """A signature: a name, a place in the company, a tick; and what was read."""

    name = _line(_("Your full name"), 120, attrs={"autocomplete": "name"})
    title = _line(
        _("Your position"),
        120,
        required=False,
        attrs={"autocomplete": "organization-title"},
    )
    agreed = forms.BooleanField(
        label=_("I may sign for the company, and I accept this quote as it is shown.")
    )
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not re.search(r"\w", name):
            raise forms.ValidationError(_("Write your name."))
        return name


class WhyForm(forms.Form):
    """Why a quote is declined or withdrawn."""

    why = TextField(
        label=_("Reason"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class DiscountForm(forms.Form):
    """Why so much is taken off, for the second person."""

    reason = _line(
        _("Why so much"),
        200,
        help_text=_("Your colleague decides by it, and the audit log keeps it."),
    )


def _price_choices(prices: list[Price]) -> Iterator[tuple[str, str]]:
    for price in prices:
        amount = format_minor(price.unit_amount, price.currency)
        each = (
            gettext("%(amount)s a seat") % {"amount": amount}
            if price.kind == Price.Kind.SEAT
            else amount
        )
        plan = plan_name(price)
        yield price.lookup_key, f"{plan} · {price.get_interval_display()} · {each}"
