"""Tax numbers: checked by their digits, written as Stripe writes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum.au import abn
from stdnum.br import cnpj
from stdnum.ca import bn
from stdnum.ch import vat as ch_vat
from stdnum.cn import uscc
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat
from stdnum.in_ import gstin
from stdnum.jp import cn as jp_cn
from stdnum.kr import brn
from stdnum.no import mva
from stdnum.nz import ird
from stdnum.sg import uen
from stdnum.us import ein


class InvalidTaxNumber(ValueError):
    """No number of that kind looks like this."""


@dataclass(frozen=True, slots=True)
class TaxKind:
    """One kind of tax number: what people call it and who checks its digits."""

    label: str | Promise
    module: Any
    written: Callable[[str], str] = str


KINDS: dict[str, TaxKind] = {
    "eu_vat": TaxKind(_("VAT number, European Union"), eu_vat),
    "gb_vat": TaxKind(_("VAT number, United Kingdom"), gb_vat, lambda n: f"GB{n}"),
    "ch_vat": TaxKind(_("VAT number, Switzerland"), ch_vat, ch_vat.format),
    "no_vat": TaxKind(_("VAT number, Norway"), mva),
    "cn_tin": TaxKind(_("Unified social credit code, China"), uscc),
    "us_ein": TaxKind(_("EIN, United States"), ein, ein.format),
    "ca_bn": TaxKind(_("BN, Canada"), bn, lambda n: n[:9]),
    "br_cnpj": TaxKind(_("CNPJ, Brazil"), cnpj, cnpj.format),
    "au_abn": TaxKind(_("ABN, Australia"), abn),
    "nz_gst": TaxKind(_("GST number, New Zealand"), ird),
    "in_gst": TaxKind(_("GSTIN, India"), gstin),
    "jp_cn": TaxKind(_("Corporate number, Japan"), jp_cn),
    "kr_brn": TaxKind(_("BRN, South Korea"), brn, brn.format),
    "sg_uen": TaxKind(_("UEN, Singapore"), uen),
}


def tidy(kind: str, number: str) -> str:
    """Return a tax number without what people put between its digits.

    Raises ``InvalidTaxNumber`` where a digit, the length or the check is wrong. Whether
    an office has given that number to anybody is not asked.
    """
    known = KINDS[kind]
    try:
        return known.written(known.module.validate(number))
    except ValidationError as error:
        raise InvalidTaxNumber from error
