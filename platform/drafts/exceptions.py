from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class DraftAccepted(DomainError):
    """What was typed into this form has been sent already."""

    code = "draft_accepted"
    status = 410
    message = _("This form was sent already.")


class DraftTooLong(DomainError):
    """More than is kept of one form."""

    code = "draft_too_long"
    status = 413
    message = _("This text is too long to be kept as a draft.")


class NotYourDraft(DomainError):
    """The form was shown to another user."""

    code = "draft_of_another"
    status = 403
    message = _("This form belongs to somebody else.")
