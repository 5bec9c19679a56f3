"""What the service refuses of a value that has the right type.

Types come from the SDK (``params``); what is too long, too large, misspelled or told
beside its opposite stands only in the API's reference, and so it stands here.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from stripe_emulator.errors import InvalidParameter

Rule = Callable[[Any], str]
METADATA_KEY, METADATA_VALUE = 40, 500
MOST_ITEMS = 20
# Two years, the longest a subscription may be tried.
MOST_TRIAL_DAYS = 730
# Three years, in each unit.
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
_CODES = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd
bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd
egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils
inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad
mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr
pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle
sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst
xaf xcd xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CODES.split())


def _at_most(length: int) -> Rule:
    def rule(value: Any) -> str:
        too_long = isinstance(value, str) and len(value) > length
        return (
            f"Invalid string: must be at most {length} characters" if too_long else ""
        )

    return rule


def _between(low: int, high: int) -> Rule:
    def rule(value: Any) -> str:
        fits = not isinstance(value, int | float) or low <= value <= high
        return "" if fits else f"Invalid number: must be between {low} and {high}"

    return rule


def _like(pattern: str, message: str) -> Rule:
    known = re.compile(pattern)

    def rule(value: Any) -> str:
        # Empty text unsets, where it may.
        fits = not isinstance(value, str) or not value or known.fullmatch(value)
        return "" if fits else f"{message}: {value}"

    return rule


def _currency(value: Any) -> str:
    known = not isinstance(value, str) or value.lower() in CURRENCIES
    return "" if known else f"Invalid currency: {value}"


def _metadata(value: Any) -> str:
    for name, text in value.items() if isinstance(value, dict) else ():
        if len(name) > METADATA_KEY:
            return f"Metadata keys can have at most {METADATA_KEY} characters: {name}"
        if len(str(text)) > METADATA_VALUE:
            return f"Metadata values can have at most {METADATA_VALUE} characters."
    return ""


def _recurring(value: Any) -> str:
    most = LONGEST.get(value.get("interval", "")) if isinstance(value, dict) else None
    count = value.get("interval_count", 1) if most else 1
    fits = most is None or 1 <= count <= most
    return "" if fits else "Invalid interval_count: between one and three years."


def _count(most: int) -> Rule:
    def rule(value: Any) -> str:
        too_many = isinstance(value, list) and len(value) > most
        return f"Array must have at most {most} elements" if too_many else ""

    return rule


# By the end of a parameter's path, without the numbers of lists.
RULES: dict[str, Rule] = {
    "email": _like(r"[^@\s]+@[^@\s]+\.[^@\s.]+", "Invalid email address"),
    "customer_email": _like(r"[^@\s]+@[^@\s]+\.[^@\s.]+", "Invalid email address"),
    "currency": _currency,
    "metadata": _metadata,
    "quantity": _between(0, 10**11),
    "line_items.quantity": _between(1, 10**11),
    "percentage": _between(0, 100),
    "recurring": _recurring,
    "trial_period_days": _between(1, MOST_TRIAL_DAYS),
    "client_reference_id": _at_most(200),
    "return_url": _like(r"https?://[^\s]+", "Not a valid URL"),
    "unit_amount_decimal": _like(
        r"\d{1,11}(?:\.\d{1,12})?", "Invalid decimal: at most 12 decimal places"
    ),
    "lookup_keys": _count(10),
    "items": _count(MOST_ITEMS),
}
# Of some requests only.
OWN_RULES: dict[tuple[str, str], Rule] = {
    ("customer_create", "name"): _at_most(256),
    ("customer_update", "name"): _at_most(256),
    ("coupon_create", "name"): _at_most(40),
    ("promotion_code_create", "code"): _like(
        r"[A-Za-z0-9-]{1,500}", "Promotion codes are letters, digits and dashes"
    ),
}
# One of them at a time.
EITHER: dict[str, tuple[tuple[str, str], ...]] = {
    "price_create": (("unit_amount", "unit_amount_decimal"),),
    "subscription_create": (("cancel_at", "cancel_at_period_end"),),
    "subscription_update": (("cancel_at", "cancel_at_period_end"),),
    "invoice_item_create": (("amount", "pricing"),),
}
# The first only with the second.
WITH: dict[str, tuple[tuple[str, str], ...]] = {
    "invoice_item_create": (("amount", "currency"),),
}


def check(contract: str, known: dict[str, Any]) -> None:
    """Refuse what the reference forbids of parameters whose types are right."""
    for one, other in EITHER.get(contract, ()):
        if known.get(one) and known.get(other):
            raise InvalidParameter(
                f"You may only specify one of these parameters: {one}, {other}."
            )
    for one, other in WITH.get(contract, ()):
        if one in known and other not in known:
            raise InvalidParameter(
                f"Missing required param: {other}.",
                code="parameter_missing",
                param=other,
            )
    for where, path, value in _values(known):
        name = path.rpartition(".")[2]
        for rule in (
            RULES.get(path) or RULES.get(name),
            OWN_RULES.get((contract, path)),
        ):
            message = rule(value) if rule is not None else ""
            if message:
                code = "email_invalid" if "email" in name else None
                raise InvalidParameter(message, code=code, param=where)


def _values(
    known: dict[str, Any], where: str = "", path: str = ""
) -> Iterator[tuple[str, str, Any]]:
    """Yield each value with its name as the caller wrote it, and without numbers."""
    for name, value in known.items():
        here = f"{where}[{name}]" if where else name
        place = f"{path}.{name}" if path else name
        yield here, place, value
        if name == "metadata":
            # Its names are the caller's own.
            continue
        if isinstance(value, dict):
            yield from _values(value, here, place)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, dict):
                    yield from _values(each, f"{here}[{index}]", place)
