"""The ways a person's standing says no; each tells why, and until when."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from community.standing.models import Sanction
from core.errors import DomainError


class Sanctioned(DomainError):
    """A moderator took a right away for a time."""

    code = "silenced"
    status = 403

    def __init__(self, sanction: Sanction) -> None:
        """Say what is not possible, why and until when."""
        if sanction.kind == Sanction.Kind.SUSPENSION:
            self.code = "suspended"
            said = gettext("You are suspended from the community.")
        else:
            said = gettext("You may read the community and not write in it.")
        super().__init__(f"{said} {until_when(sanction)} {why(sanction)}")


class CannotSanction(DomainError):
    """The team is not sanctioned, and nobody sanctions themselves."""

    code = "cannot_sanction"
    status = 403
    message = _(
        "Moderators and staff cannot be silenced or suspended: "
        "take the role from them first."
    )


class SanctionOver(DomainError):
    """What is over is not lifted."""

    code = "sanction_over"
    message = _("This is over already.")


class EndInThePast(DomainError):
    """What is imposed ends in the future, or when it is lifted."""

    code = "end_in_the_past"
    status = 400
    message = _("Choose an end that is still to come.")


class TooManyLinks(DomainError):
    """Who is new writes few links."""

    code = "too_many_links"
    status = 403

    def __init__(self, *, count: int, most: int) -> None:
        """Say how many links there are and how many are allowed."""
        super().__init__(
            gettext(
                "There are %(count)d links in this text. While you are new here, "
                "a text has at most %(most)d; after some reading there is no limit."
            )
            % {"count": count, "most": most}
        )


class TooManyMentions(DomainError):
    """Who is new calls few people."""

    code = "too_many_mentions"
    status = 403

    def __init__(self, *, count: int, most: int) -> None:
        """Say how many people are called and how many are allowed."""
        super().__init__(
            gettext(
                "This text mentions %(count)d people. While you are new here, a text "
                "mentions at most %(most)d; after some reading it may be more."
            )
            % {"count": count, "most": most}
        )


class NoDownVotes(DomainError):
    """Who is new says what is useful, not yet what is not."""

    code = "no_down_votes"
    status = 403
    message = _(
        "While you are new here, you can vote posts up and not down. "
        "After reading some topics you can do both."
    )


def until_when(sanction: Sanction) -> str:
    """Return the sentence that tells when it ends, in the reader's time zone."""
    if sanction.until is None:
        return gettext("It lasts until a moderator lifts it.")
    at = date_format(timezone.localtime(sanction.until), "DATETIME_FORMAT")
    return gettext("It ends on %(at)s.") % {"at": at}


def why(sanction: Sanction) -> str:
    """Return the sentence that tells the reason."""
    return gettext("The reason: %(reason)s") % {"reason": sanction.reason}
