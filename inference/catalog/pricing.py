"""What tokens come to: the one place that multiplies them by a price."""

from collections.abc import Sequence

# Rates are said for a million tokens, as every provider says them.
PER_TOKENS = 1_000_000


def amount_of(
    rates: Sequence[int], *, tokens_in: int, tokens_cached: int = 0, tokens_out: int = 0
) -> int:
    """Return billionths of a dollar for tokens, rounded up.

    ``rates`` are billionths of a dollar per million tokens: of the prompt, of its
    cached part, of the answer. Cached tokens are part of the prompt, whatever an
    upstream claims.
    """
    cached = min(tokens_cached, tokens_in)
    amount = (tokens_in - cached) * rates[0] + cached * rates[1] + tokens_out * rates[2]
    # Up: what was used is never free because it was little.
    return -(-amount // PER_TOKENS)
