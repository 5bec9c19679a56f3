from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class AlreadyMember(DomainError):
    """The user belongs to the organisation already."""

    code = "already_member"
    message = _("That person is already a member.")


class LastOwner(DomainError):
    """An organisation keeps at least one owner."""

    code = "last_owner"
    message = _("An organisation needs at least one owner.")


class NoSeatLeft(DomainError):
    """The plan's seats are all taken."""

    code = "no_seat_left"
    message = _("Every seat of the plan is taken. Add seats or remove a member first.")
    message_for_guests = _(
        "Every seat of this organisation is taken. Ask whoever invited you for one"
        " and open the link again."
    )


class InvitationInvalid(DomainError):
    """The invitation was used, has expired or is for another person."""

    code = "invitation_invalid"
    status = 404
    message = _("This invitation is not valid any more. Ask for a new one.")


class RoleTooHigh(DomainError):
    """Nobody hands out a role above their own."""

    code = "role_too_high"
    status = 403
    message = _("You cannot give a role above your own.")


class RecentSignInRequired(DomainError):
    """The change costs money or opens a door, and the last sign-in is long ago."""

    code = "recent_sign_in_required"
    status = 403
    message = _(
        "The last sign-in is too long ago. Confirm who you are on a page first."
    )


class IdentityTaken(DomainError):
    """The outside account is linked to another user here."""

    code = "identity_taken"
    message = _("That account is already linked to another person.")
