from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class NeedsApproval(DomainError):
    """So much is not given by one person alone."""

    code = "needs_approval"
    message = _(
        "So much needs a second person. Nothing was given; ask for their approval."
    )


class ApprovalClosed(DomainError):
    """It was decided, withdrawn, or is too old."""

    code = "approval_closed"
    message = _("This request was decided already, withdrawn or has expired.")


class NotYourDecision(DomainError):
    """Nobody decides their own request, nor about an organisation of theirs."""

    code = "not_your_decision"
    status = 403
    message = _(
        "Somebody else decides this: not who asked for it, and nobody who belongs to"
        " the organisation."
    )


class OwnOrganisation(DomainError):
    """Staff give nothing large to an organisation they belong to."""

    code = "own_organisation"
    status = 403
    message = _("You belong to this organisation. Let a colleague ask for it.")


class AlreadyAsked(DomainError):
    """The same is waiting, or was approved."""

    code = "already_asked"
    message = _("This was asked for already. Look at the list of approvals.")
