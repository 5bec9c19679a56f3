"""The ways the product says no, before any edge translates them."""

from typing import Any

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
        self.retry_after = max(1, int(retry_after + 0.999))
        super().__init__()
