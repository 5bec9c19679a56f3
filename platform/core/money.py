"""Money in integers: minor units for invoices, billionths of a unit for usage."""

from decimal import ROUND_HALF_EVEN, Decimal

NANO = 1_000_000_000
_SYMBOLS = {"usd": "$", "eur": "€", "cny": "¥", "gbp": "£"}
# As Stripe counts: ISK, HUF, TWD and UGX have two there, whatever they are paid in.
# https://docs.stripe.com/currencies
_DIGITS = {
    **dict.fromkeys(("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"), 0),
    **dict.fromkeys(("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"), 0),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3),
}


def minor_digits(currency: str) -> int:
    """Return how many digits an amount in ``currency`` has behind its point."""
    return _DIGITS.get(currency.lower(), 2)


def minor_per_unit(currency: str) -> int:
    """Return how many minor units make one unit of ``currency``."""
    return int(10 ** minor_digits(currency))


def minor_to_nano(amount: int, currency: str) -> int:
    """Return minor units as billionths of a unit."""
    return amount * NANO // minor_per_unit(currency)


def format_minor(amount: int, currency: str) -> str:
    """Return ``-1234`` USD minor units as ``-$12.34``."""
    value = Decimal(amount) / minor_per_unit(currency)
    return _format(value, currency, minor_digits(currency))


def format_bps(basis_points: int) -> str:
    """Return hundredths of a percent as percent, without zeros that say nothing."""
    return f"{Decimal(basis_points) / 100:.2f}".rstrip("0").rstrip(".")


def format_nano(amount_nano: int, currency: str) -> str:
    """Return a usage amount with as many decimals as it needs, two to six."""
    value = Decimal(amount_nano) / NANO
    places = 2
    while places < 6 and value != value.quantize(Decimal(1).scaleb(-places)):
        places += 1
    return _format(value, currency, places)


def format_amount(amount_nano: int, currency: str) -> str:
    """Return a usage amount as people read it: cents, below one unit two digits.

    ``$10.80`` for ten dollars and more, ``$0.0042`` for less than a cent.
    """
    value = Decimal(amount_nano) / NANO
    places = 2
    if 0 < abs(value) < 1:
        places = max(places, 1 - value.adjusted())
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    while places > 2 and rounded == rounded.quantize(Decimal(1).scaleb(1 - places)):
        places -= 1
    return _format(rounded, currency, places)


def format_exact(amount_nano: int, currency: str) -> str:
    """Return a usage amount to the last billionth it holds, in at least cents."""
    value = Decimal(amount_nano) / NANO
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return _format(value, currency, places)


def _format(value: Decimal, currency: str, places: int) -> str:
    sign = "-" if value < 0 else ""
    symbol = _SYMBOLS.get(currency.lower(), f"{currency.upper()} ")
    return f"{sign}{symbol}{abs(value):,.{places}f}"
