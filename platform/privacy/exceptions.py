from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from privacy.registry import Obstacle


class AccountHeld(DomainError):
    """Something has to be settled before the account can go; ``obstacles`` say what."""

    code = "account_held"
    message = _("Your account cannot be closed yet. Nothing was changed.")

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        self.obstacles = obstacles
        super().__init__()


class AlreadyClosed(DomainError):
    """The account is closed."""

    code = "already_closed"
    message = _("Your account is closed already.")


class NotClosed(DomainError):
    """The account is open."""

    code = "not_closed"
    message = _("Your account is open.")


class AccountClosing(DomainError):
    """A closed account does nothing until its person takes that back."""

    code = "account_closing"
    status = 403
    message = _("This account is closed. Sign in on the site to take that back.")
