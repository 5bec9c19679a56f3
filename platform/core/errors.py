"""The ways the product says no, before any edge translates them."""

from typing import Any

from django.db import DatabaseError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """A refusal that a person can understand; nothing has been changed.

    ``code`` is the stable name for programs, ``status`` the HTTP status an edge
    answers with, ``message`` a translatable sentence for people.
    """

    code: str = "refused"
    status: int = 409
    message: str | Promise = _("That is not possible right now.")
    # After how many whole seconds the same may work; None where waiting does not help.
    retry_after: int | None = None

    def __init__(self, message: str | Promise | None = None, **details: Any) -> None:
        self.message = message or self.message
        self.details = details
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message)


class RateLimited(DomainError):
    """Too many of the same action; ``retry_after`` is in whole seconds.

    ``allowance`` is the limiter's account of the limit, where there is one.
    """

    code = "rate_limited"
    status = 429
    message = _("You are doing this too often. Please wait a moment.")

    def __init__(self, retry_after: float, allowance: Any = None) -> None:
        self.allowance = allowance
        self.retry_after: int = max(1, int(retry_after + 0.999))
        super().__init__()


class Gone(DomainError):
    """It was there when the page was read, and was deleted since."""

    code = "gone"
    status = 404
    message = _("A colleague has deleted this meanwhile. Nothing was changed.")


class Unavailable(DomainError):
    """Something we depend on does not answer; it is being looked for again."""

    code = "unavailable"
    status = 503
    message = _(
        "A part of the service does not answer just now. "
        "Please try again in a few seconds."
    )
    retry_after = 2


class Contended(Unavailable):
    """It answered, and had too much to do: a lock or a statement took too long."""

    code = "try_again"
    message = _(
        "Too many people are changing this at the same moment. "
        "Nothing was saved; please try again."
    )
    retry_after = 1


# Lock not available, statement cancelled by its time-out, deadlock, serialization; a
# transaction that was ended because this process, short of time, said nothing in it.
_CONTENTION = frozenset({"55P03", "57014", "40P01", "40001", "25P03", "25P04"})
# A database that may only be read: a standby that is not the primary yet.
_READ_ONLY = "25006"


def unavailable(error: BaseException | None) -> Unavailable | None:
    """Return what to tell callers when ``error`` is an outage, and not a mistake."""
    if isinstance(error, Unavailable):
        return error
    if not isinstance(error, DatabaseError):
        return None
    state = getattr(error.__cause__, "sqlstate", None)
    if state in _CONTENTION:
        return Contended()
    if isinstance(error, OperationalError) or state == _READ_ONLY:
        return Unavailable()
    return None
