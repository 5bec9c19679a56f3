from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class CannotFlag(DomainError):
    """What one wrote oneself, or what is out of sight, is not reported."""

    code = "cannot_flag"
    status = 403
    message = _("You cannot report what you wrote yourself or what is hidden already.")


class CaseDecided(DomainError):
    """A case is decided once; undoing opens it again."""

    code = "case_decided"
    message = _("This case is decided already. Undo the decision to take another one.")


class CaseClaimed(DomainError):
    """Another moderator is at it."""

    code = "case_claimed"
    message = _("Another moderator has claimed this case.")


class CaseUndecided(DomainError):
    """Only a decision is undone, and only while nothing else was opened since."""

    code = "case_undecided"
    message = _("There is no decision here that could be undone.")


class CannotAppeal(DomainError):
    """One appeals once, against what is in force."""

    code = "cannot_appeal"
    message = _("You appealed against this already, or it is over.")


class ActUndone(DomainError):
    """An act is undone once."""

    code = "act_undone"
    message = _("This was undone already.")
