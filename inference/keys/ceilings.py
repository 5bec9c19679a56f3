"""Whether a budget lets more in than the one it replaces."""


def ceiling(limit_nano: int | None, *, is_hard: bool) -> int | None:
    """Return where calls are refused; None: nowhere, it only tells or there is none."""
    return limit_nano if is_hard else None


def lets_more_in(*, was: int | None, will_be: int | None) -> bool:
    """Tell whether more may be used under the second ceiling than under the first."""
    if was is None:
        return False
    return will_be is None or will_be > was
