from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from jobs.exceptions import NotNow


class BadUnsubscribeLink(DomainError):
    """The link was cut off, changed or names a kind of mail that is no more."""

    code = "bad_unsubscribe_link"
    status = 400
    message = _("This link is not complete. Change your mail settings instead.")


class MailServerUnavailable(NotNow):
    """The mail server takes nothing at all now; what is due stays due."""
