"""Signing in through a provider, which may be away or send what cannot be read."""

import logging
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from requests import JSONDecodeError, RequestException

from accounts.limits import View
from core.errors import DomainError, Unavailable

logger = logging.getLogger(__name__)
# A member that is not there, is of another type, or holds what no table keeps.
_NONSENSE = (
    *(AttributeError, DataError, LookupError, TypeError, ValueError),
    # What the library calls an account's name that is too long for its column.
    ImproperlyConfigured,
)


class ProviderAway(Unavailable):
    """The service people sign in with does not answer, or answers with an error."""

    code = "provider_away"
    message = _(
        "The service you sign in with does not answer just now. Nothing was changed. "
        "Try again in a minute, or sign in with a password."
    )
    retry_after = 60


class ProviderUnreadable(DomainError):
    """It answered with something else than its protocol says."""

    code = "provider_unreadable"
    status = 502
    message = _(
        "The service you sign in with gave an answer that we cannot read. Nothing was "
        "changed. Sign in with a password, or tell the people who run that service."
    )


def with_provider(view: View) -> View:
    """Return ``view``, refusing where what a provider sends breaks the library.

    It reads members of an answer without looking whether they are there, and of
    which type. Raises ``ProviderAway`` and ``ProviderUnreadable``.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except JSONDecodeError as error:
            raise _unreadable(error) from error
        except RequestException as error:
            logger.warning("provider.away", extra={"error": str(error)})
            raise ProviderAway from error
        except _NONSENSE as error:
            raise _unreadable(error) from error

    return wrapped


def _unreadable(error: Exception) -> ProviderUnreadable:
    # With the traceback: it may be a mistake of ours after all.
    logger.error("provider.unreadable", exc_info=error)
    return ProviderUnreadable()
