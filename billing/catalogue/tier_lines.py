"""Tiers as staff write them: one a line, ``100: 120``, and the last ``*: 80``."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.money import NANO
from entitlements.usage_price import MOST_PERCENT, MOST_TIERS, MOST_USAGE_NANO, Tier

# Also the colon of a Chinese keyboard.
_BETWEEN = re.compile(r"\s*[:：=]\s*|\s+")
_REST = "*"


def read_tiers(text: str) -> tuple[Tier, ...]:
    """Return tiers. Raises ``ValidationError`` that names each wrong line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValidationError(_("Write at least two tiers, one a line."))
    if len(lines) > MOST_TIERS:
        raise ValidationError(
            _("There are at most %(count)s tiers."), params={"count": MOST_TIERS}
        )
    wrong: list[ValidationError] = []
    tiers: list[Tier] = []
    for number, line in enumerate(lines, 1):
        is_last = number == len(lines)
        try:
            tiers.append(_tier(line, is_last, tiers[-1] if tiers else None))
        except ValidationError as no:
            wrong += [
                ValidationError(
                    _("Line %(number)s, “%(line)s”: %(problem)s"),
                    params={"number": number, "line": line, "problem": problem},
                )
                for problem in no.messages
            ]
    if wrong:
        raise ValidationError(wrong)
    return tuple(tiers)


def written_tiers(tiers: tuple[Tier, ...]) -> str:
    """Return tiers as ``read_tiers`` reads them."""
    return "\n".join(_lines(tiers))


def _lines(tiers: tuple[Tier, ...]) -> Iterator[str]:
    for tier in tiers:
        end = _REST
        if tier.up_to_nano is not None:
            end = f"{Decimal(tier.up_to_nano) / NANO:f}"
            end = end.rstrip("0").rstrip(".") if "." in end else end
        yield f"{end}: {tier.percent}"


def _tier(line: str, is_last: bool, before: Tier | None) -> Tier:
    parts = _BETWEEN.split(line)
    if len(parts) != 2:
        raise ValidationError(_("give an amount and a per cent, as 100: 120."))
    end, percent = _end(parts[0], is_last), _percent(parts[1])
    known = before.up_to_nano if before else 0
    if end is not None and known is not None and end <= known:
        raise ValidationError(_("it has to end after the line above it."))
    return Tier(end, percent)


def _end(text: str, is_last: bool) -> int | None:
    if is_last:
        if text != _REST:
            raise ValidationError(_("the last line is for all the rest: write *."))
        return None
    if text == _REST:
        raise ValidationError(_("only the last line is for all the rest."))
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    is_cents = amount.is_finite() and amount == amount.quantize(Decimal("0.01"))
    if not is_cents or not 0 < amount * NANO <= MOST_USAGE_NANO:
        raise ValidationError(_("the amount is one in US dollars, above zero."))
    return int(amount * NANO)


def _percent(text: str) -> int:
    digits = text.removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= MOST_PERCENT):
        raise ValidationError(
            _("the per cent is a whole number from 1 to %(most)s."),
            params={"most": MOST_PERCENT},
        )
    return int(digits)
