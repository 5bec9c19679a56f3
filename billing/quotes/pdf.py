"""Quotes and invoices as PDF, in the reader's language.

Latin text is set in Helvetica and everything else in a Chinese font that the file names
and does not carry: every reader of PDF has it or one like it, and a page stays at some
three kilobytes instead of some megabytes.
"""

import re
from html import escape
from io import BytesIO
from typing import Any

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext, pgettext
from django_countries import countries
from reportlab.lib import colors
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from billing.ledger.models import Invoice
from billing.quotes.models import Buyer, Quote, Signature
from billing.quotes.queries import plan_name
from billing.quotes.taxids import KINDS
from core.clock import day_for_all
from core.money import format_minor

CHINESE = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
# Its only cut: neither bold nor italic.
addMapping(CHINESE, 0, 0, CHINESE)
# What Helvetica has in every reader: the letters of Western Europe.
_ELSEWHERE = re.compile(r"[^\x00-\x7e\xa0-\xff]+")
# Sizes of printed letters: ten points are read without glasses.
_BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=15)
_SMALL = ParagraphStyle("small", parent=_BODY, fontSize=8.5, leading=12)  # as above
_RIGHT = ParagraphStyle("right", parent=_BODY, alignment=2)
_HEAD = ParagraphStyle("head", parent=_BODY, fontSize=18, leading=26)  # as above
# A third more than the text it stands over.
_TITLE = ParagraphStyle("title", parent=_BODY, fontSize=12, leading=20, spaceBefore=10)

Rows = list[tuple[str, str]]


def quote_pdf(quote: Quote, signature: Signature | None) -> bytes:
    """Return a quote as a file; one that was signed says by whom."""
    amounts = quote.amounts
    currency = quote.price.currency
    parts: list[Flowable] = [
        _text(gettext("Quote %(number)s") % {"number": quote.number}, _HEAD),
        _text(settings.SITE_NAME, _BODY),
        *_buyer(quote.buyer),
        _text(pgettext("quote", "What is offered"), _TITLE),
        _facts(
            [
                (gettext("Plan"), plan_name(quote.price)),
                (gettext("Seats"), str(quote.seats)),
                (gettext("Term"), _months(quote.term_months)),
                (gettext("Billing period"), str(quote.price.get_interval_display())),
                (gettext("Days to pay an invoice"), str(quote.days_until_due)),
                (gettext("After the term"), _after(quote)),
                (gettext("Can be accepted until"), _day(quote.expires_at)),
            ]
        ),
        _text(gettext("What it costs"), _TITLE),
        _sums(
            [
                (gettext("List price of one invoice"), amounts.listed),
                (
                    gettext("Discount of %(percent)s %%")
                    % {"percent": quote.discount_percent},
                    -amounts.discount,
                ),
                (gettext("One invoice"), amounts.each),
                (
                    ngettext(
                        "The term, %(count)s invoice",
                        "The term, %(count)s invoices",
                        amounts.invoices,
                    )
                    % {"count": amounts.invoices},
                    amounts.term,
                ),
            ],
            currency,
        ),
        _text(gettext("Tax is added where it is due."), _SMALL),
    ]
    if quote.usage_discount_bps:
        sentence = gettext(
            "Usage of models costs %(percent)s %% less than their list prices, for as"
            " long as the contract runs."
        )
        parts.append(_text(sentence % {"percent": quote.usage_discount_percent}, _BODY))
    if quote.remarks:
        parts += [_text(gettext("Remarks"), _TITLE), _text(quote.remarks, _BODY)]
    if signature is not None:
        parts += [
            _text(pgettext("quote", "Accepted"), _TITLE),
            _facts(_signature(signature)),
        ]
    return _file(parts, title=quote.number)


def invoice_pdf(invoice: Invoice, quote: Quote) -> bytes:
    """Return an invoice of a contract as a file, made out as its quote is."""
    number = invoice.number or invoice.stripe_id
    lines = [
        (line.description, line.amount)
        for line in invoice.lines.order_by("period_start", "pk")
    ]
    parts: list[Flowable] = [
        _text(gettext("Invoice %(number)s") % {"number": number}, _HEAD),
        _text(settings.SITE_NAME, _BODY),
        *_buyer(quote.buyer),
        _text(gettext("Invoice"), _TITLE),
        _facts(
            [
                (gettext("State"), str(invoice.get_status_display())),
                (gettext("Issued"), _day(invoice.issued_at)),
                (gettext("Pay by"), _day(invoice.due_at)),
                (pgettext("sales", "Quote"), quote.number),
            ]
        ),
        _text(gettext("What it is for"), _TITLE),
        _sums(
            [
                *lines,
                (gettext("Discount"), -invoice.discount),
                (gettext("Tax"), invoice.tax),
                (gettext("Total"), invoice.total),
                (gettext("Paid"), invoice.amount_paid),
            ],
            invoice.currency,
        ),
    ]
    return _file(parts, title=number)


def _buyer(buyer: Buyer) -> list[Flowable]:
    kind = KINDS.get(buyer.tax_kind)
    country = countries.name(buyer.country)
    rows: Rows = [
        (gettext("Company"), buyer.company),
        (gettext("Address"), ", ".join([*buyer.address, str(country)])),
        (gettext("Contact"), f"{buyer.contact_name} · {buyer.contact_email}"),
        (gettext("PO number"), buyer.po_number),
        (str(kind.label) if kind else "", buyer.tax_number),
    ]
    if buyer.fapiao:
        rows += [
            (gettext("Fapiao"), str(buyer.get_fapiao_display())),
            (gettext("Fapiao title"), buyer.fapiao_title),
            (gettext("Fapiao tax number"), buyer.fapiao_number),
            (gettext("Registered address"), buyer.fapiao_address),
            (gettext("Registered phone"), buyer.fapiao_phone),
            (gettext("Bank"), buyer.fapiao_bank),
            (gettext("Bank account"), buyer.fapiao_account),
        ]
    return [_text(gettext("Made out to"), _TITLE), _facts(rows)]


def _signature(signature: Signature) -> Rows:
    return [
        (
            pgettext("signature", "By"),
            ", ".join(filter(None, [signature.name, signature.title])),
        ),
        (gettext("On"), f"{date_format(signature.accepted_at, 'DATETIME_FORMAT')} UTC"),
        (gettext("Digest of what was signed"), signature.digest),
    ]


def _months(count: int) -> str:
    return ngettext("%(count)s month", "%(count)s months", count) % {"count": count}


def _after(quote: Quote) -> str:
    if quote.renews:
        return gettext("It renews for another term unless somebody ends it.")
    return gettext("It ends.")


def _day(at: Any) -> str:
    return day_for_all(at) if at else "–"


def _facts(rows: Rows) -> Flowable:
    cells = [
        [_text(name, _SMALL), _text(value, _BODY)] for name, value in rows if value
    ]
    table = Table(cells, colWidths=[52 * mm, 118 * mm], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_tight()])
    return table


def _sums(rows: list[tuple[str, int]], currency: str) -> Flowable:
    cells = [
        [_text(name, _BODY), _text(format_minor(amount, currency), _RIGHT)]
        for name, amount in rows
        if amount or name == rows[-1][0]
    ]
    table = Table(cells, colWidths=[120 * mm, 50 * mm], hAlign="LEFT")
    table.setStyle([("LINEABOVE", (0, -1), (-1, -1), 0.6, colors.black), *_tight()])
    return table


def _tight() -> list[tuple[Any, ...]]:
    whole = ((0, 0), (-1, -1))
    return [
        ("LEFTPADDING", *whole, 0),
        ("TOPPADDING", *whole, 1),
        ("BOTTOMPADDING", *whole, 1),
    ]


def _text(words: object, style: ParagraphStyle) -> Flowable:
    """Set words; runs that Helvetica lacks are in the Chinese font."""
    runs = _ELSEWHERE.sub(
        lambda found: f'<font name="{CHINESE}">{found[0]}</font>',
        escape(str(words)).replace("\n", "<br/>"),
    )
    has_chinese = CHINESE in runs
    fitting = ParagraphStyle(
        f"{style.name}-cjk", parent=style, wordWrap="CJK" if has_chinese else None
    )
    return Paragraph(runs, fitting)


def _file(parts: list[Flowable], *, title: str) -> bytes:
    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=18 * mm,
        title=title,
        author=settings.SITE_NAME,
    )
    document.build([*parts, Spacer(1, 4 * mm)])
    return out.getvalue()
