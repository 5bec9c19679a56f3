"""What tokens come to: the one place that multiplies them by a price."""

from collections.abc import Mapping, Sequence

# Rates are said for a million tokens, as every provider says them.
PER_TOKENS = 1_000_000
# The ordinary rates: of the prompt, of its cached part, of the answer.
ORDINARY = ("in", "cached_in", "out")
# Parts of a prompt or an answer that may have a price of their own; without one they
# are sold as the rest. By the rate they have otherwise.
PARTS = {
    "cache_write_in": 0,
    "audio_in": 0,
    "image_in": 0,
    "reasoning_out": 2,
    "audio_out": 2,
    "image_out": 2,
}
_INDEX = {name: number for number, name in enumerate(PARTS, len(ORDINARY))}


def rates_of(ordinary: Sequence[int], own: Sequence[int | None]) -> tuple[int, ...]:
    """Return the rates of one price: three, or nine where a part has its own."""
    first = tuple(ordinary)
    if all(rate is None for rate in own):
        return first
    rest = zip(own, PARTS.values(), strict=True)
    return first + tuple(first[base] if rate is None else rate for rate, base in rest)


def discounted(rates: Sequence[int], bps: int) -> tuple[int, ...]:
    """Return rates less hundredths of a percent, each rounded down once."""
    return tuple(rate * (10_000 - bps) // 10_000 for rate in rates)


def amount_of(
    rates: Sequence[int],
    *,
    tokens_in: int,
    tokens_cached: int = 0,
    tokens_out: int = 0,
    parts: Mapping[str, int] | None = None,
) -> int:
    """Return billionths of a dollar for tokens, rounded up.

    ``rates`` are billionths of a dollar per million tokens (see ``rates_of``). Cached
    tokens are part of the prompt, whatever an upstream claims. ``parts`` are parts of
    the prompt that were not cached, and of the answer; no token is in two of them.
    """
    cached = min(tokens_cached, tokens_in)
    amount = (tokens_in - cached) * rates[0] + cached * rates[1] + tokens_out * rates[2]
    if parts and len(rates) > len(ORDINARY):
        for name, count in parts.items():
            amount += count * (rates[_INDEX[name]] - rates[PARTS[name]])
    # Up: what was used is never free because it was little.
    return -(-amount // PER_TOKENS)


def worst_of(
    rates: Sequence[int], *, tokens_in: int, tokens_out: int, parts: Sequence[str]
) -> int:
    """Return the most that tokens can come to, if any may be one of ``parts``."""
    dearest = [max(rates[0], rates[1]), 0, rates[2]]
    if len(rates) > len(ORDINARY):
        for name in parts:
            base = PARTS[name]
            dearest[base] = max(dearest[base], rates[_INDEX[name]])
    return amount_of(dearest, tokens_in=tokens_in, tokens_out=tokens_out)
