from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class StripeError(DomainError):
    """The payment provider did not do what it was asked."""

    code = "payment_provider"
    status = 502
    message = _("The payment provider refused the request. You were not charged.")


class StripeUnavailable(StripeError):
    """No answer, or one that says to come back later. Retrying can heal it."""

    code = "payment_provider_unavailable"
    status = 503
    message = _("The payment provider does not answer. Please try again in a moment.")
    retry_after = 5


class StripeMissing(StripeError):
    """The object does not exist there, or not any more."""

    code = "payment_object_missing"
    status = 404
    message = _("The payment provider does not know this.")


class StripeRefused(StripeError):
    """The request was wrong; repeating it changes nothing."""


class BadSignature(DomainError):
    """A webhook that its sender did not sign for us."""

    code = "bad_signature"
    status = 400
    message = _("The signature does not fit.")


class NotOurs(Exception):
    """An object of another project on the same account; there is nothing to do."""
