"""What a buyer types: numbers are checked by their digits, nothing is lost."""

from typing import Any

import pytest

from billing.quotes.amounts import amounts_of, months_after
from billing.quotes.forms import BuyerForm, RequestForm, TermsForm
from billing.quotes.queries import quotable_prices
from billing.quotes.taxids import KINDS, InvalidTaxNumber, tidy
from tests.factories.quotes import CHINESE, DETAILS

NUMBERS = {
    "eu_vat": ("de 136.695 976", "DE136695976"),
    "gb_vat": ("GB 980 7806 84", "GB980780684"),
    "ch_vat": ("CHE-107.787.577 IVA", "CHE-107.787.577 IVA"),
    "no_vat": ("NO 995 525 828 MVA", "995525828MVA"),
    "cn_tin": ("91110000600037341L", "91110000600037341L"),
    "us_ein": (" 91-1144442 ", "91-1144442"),
    "ca_bn": ("12302 6635 RC 0001", "123026635"),
    "br_cnpj": ("16.727.230/0001-97", "16.727.230/0001-97"),
    "au_abn": ("83 914 571 673", "83914571673"),
    "nz_gst": ("49-091-850", "49091850"),
    "in_gst": ("27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
    "jp_cn": ("5-8356-7825-6246", "5835678256246"),
    "kr_brn": ("116-82-00276", "116-82-00276"),
    "sg_uen": ("00192200M", "00192200M"),
}


def test_every_kind_of_number_is_written_as_stripe_writes_it() -> None:
    assert set(NUMBERS) == set(KINDS)
    for kind, (typed, written) in NUMBERS.items():
        assert tidy(kind, typed) == written


@pytest.mark.parametrize("kind", sorted(NUMBERS))
def test_a_number_with_a_wrong_digit_cannot_exist(kind: str) -> None:
    typed = NUMBERS[kind][0]
    wrong = typed.replace("1", "x", 1) if "1" in typed else f"{typed}9"

    for number in (wrong, "", "0", "一二三"):
        with pytest.raises(InvalidTaxNumber):
            tidy(kind, number)


@pytest.mark.parametrize("details", [DETAILS, CHINESE])
def test_whole_details_are_taken(details: dict[str, str]) -> None:
    form = BuyerForm(details)

    assert form.is_valid(), form.errors
    assert form.details == details


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"company": ""}, "company"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"country": "XX"}, "country"),
        ({"tax_number": "DE136695977"}, "tax_number"),
        ({"tax_number": ""}, "tax_number"),
        ({"tax_kind": ""}, "tax_kind"),
        ({"fapiao_title": "北风"}, "fapiao"),
        ({"fapiao": "ordinary", "fapiao_title": "北风"}, "fapiao_number"),
        (
            {
                "fapiao": "ordinary",
                "fapiao_title": "北风",
                "fapiao_number": "91110000600037341A",
            },
            "fapiao_number",
        ),
    ],
)
def test_a_wrong_detail_is_named_by_its_field(
    change: dict[str, str], field: str
) -> None:
    form = BuyerForm({**DETAILS, **change})

    assert list(form.errors) == [field]


def test_a_special_fapiao_needs_all_its_lines_and_an_ordinary_one_two() -> None:
    empty = dict.fromkeys(
        ("fapiao_address", "fapiao_phone", "fapiao_bank", "fapiao_account"), ""
    )

    special = BuyerForm({**CHINESE, **empty})
    ordinary = BuyerForm({**CHINESE, **empty, "fapiao": "ordinary"})

    assert set(special.errors) == set(empty)
    assert ordinary.is_valid()


@pytest.mark.django_db
@pytest.mark.usefixtures("plans")
def test_a_wish_names_a_price_on_offer_and_seats_the_plan_has() -> None:
    prices = quotable_prices()
    sent = {
        **DETAILS,
        "price": prices[0].lookup_key,
        "seats": "20",
        "term_months": "24",
        "wishes": "",
    }

    def errors(**change: str) -> list[str]:
        return list(RequestForm({**sent, **change}, prices=prices).errors)

    assert errors() == []
    assert errors(seats="19") == ["seats"]
    assert errors(term_months="13") == ["term_months"]
    assert errors(price="pro_v1_month_usd") == ["price"]


@pytest.mark.django_db
@pytest.mark.usefixtures("plans")
@pytest.mark.parametrize(
    ("typed", "stored"), [("0", 0), ("12.5", 1250), ("33.33", 3333), ("100", 10_000)]
)
def test_a_discount_is_kept_in_hundredths_of_a_percent(typed: str, stored: int) -> None:
    prices = quotable_prices()
    sent: dict[str, Any] = {
        "price": prices[0].lookup_key,
        "seats": 20,
        "term_months": 12,
        "discount": typed,
        "days_until_due": 30,
        "valid_days": 30,
        "remarks": "",
    }

    form = TermsForm(sent, prices=prices)

    assert form.is_valid(), form.errors
    assert (form.terms["discount_bps"], form.terms["renews"]) == (stored, False)
    for wrong in ("-1", "100.01", "12.345", "x"):
        assert list(TermsForm({**sent, "discount": wrong}, prices=prices).errors) == [
            "discount"
        ]


@pytest.mark.django_db
@pytest.mark.usefixtures("plans")
@pytest.mark.parametrize(
    ("seats", "bps", "discount"),
    # 60 000 a seat: half a minor unit goes up, less goes down.
    [(21, 3_333, 419_958), (20, 1, 120), (21, 0, 0), (20, 10_000, 1_200_000)],
)
def test_a_discount_is_rounded_once_on_the_whole_line(
    seats: int, bps: int, discount: int
) -> None:
    price = quotable_prices()[0]

    found = amounts_of(price, seats=seats, term_months=36, discount_bps=bps)

    assert found.discount == discount
    assert found.each + found.discount == found.listed == seats * 60_000
    assert (found.invoices, found.term) == (3, 3 * found.each)


def test_half_a_minor_unit_of_discount_goes_up() -> None:
    class OneUnit:
        interval, currency = "month", "usd"

        def amount_for(self, seats: int) -> int:
            return seats

    found = amounts_of(OneUnit(), seats=5, term_months=12, discount_bps=1_000)  # type: ignore[arg-type]

    assert (found.discount, found.each, found.invoices) == (1, 4, 12)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 12, "2027-01-31"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-12-15", 24, "2028-12-15"),
        ("2026-08-31", 6, "2027-02-28"),
    ],
)
def test_a_term_ends_on_its_day_or_the_last_of_the_month(
    start: str, months: int, end: str
) -> None:
    from datetime import datetime

    assert months_after(datetime.fromisoformat(start), months) == (
        datetime.fromisoformat(end)
    )
