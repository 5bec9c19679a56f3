from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BadExport(DomainError):
    """The file is not what it was said to be. Operators read it, in English."""

    code = "bad_export"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.message)


class ImportRunning(DomainError):
    """Two runs of one source would wait for each other's rows."""

    code = "import_running"
    message = "Another run of this source is at work. Wait until it has ended."


class CannotClaim(DomainError):
    """Nothing proves that these are theirs, or another account has them."""

    code = "cannot_claim"
    status = 403
    message = _(
        "These posts cannot be claimed with your account: its confirmed address or its "
        "GitHub account is not the one they were written with."
    )
