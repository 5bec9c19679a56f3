"""The ways the playground says no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class StillAnswering(DomainError):
    """An answer of this chat is being written."""

    code = "still_answering"
    message = _("An answer is still being written. Stop it, or wait for its end.")


class ChatFull(DomainError):
    """The chat has as many messages as one can have."""

    code = "chat_full"
    message = _("This chat is as long as a chat can be. Fork it, or start another one.")


class NotToVoteOn(DomainError):
    """No blind comparison, or one whose answers are not all there."""

    code = "not_to_vote_on"
    message = _("There is nothing to vote on here: it takes a whole blind answer each.")


class AlreadyVoted(DomainError):
    """One person votes once on a comparison."""

    code = "already_voted"
    message = _("You have voted on this comparison.")


class NotYetRevealed(DomainError):
    """What would tell the names of a blind comparison waits for the vote."""

    code = "not_yet_revealed"
    message = _("Vote first: this would tell which model is which.")


class NotToRetry(DomainError):
    """Only a last answer that brought nothing is asked for again."""

    code = "not_to_retry"
    message = _("Only an answer that brought nothing can be asked for again.")


class NotYours(DomainError):
    """Only its owner may do this with a chat."""

    code = "not_yours"
    status = 403
    message = _(
        "This chat is somebody else's. Fork it to go on with a copy of your own."
    )
