from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from core.errors import DomainError


class TopicLocked(DomainError):
    """Nobody may reply any more."""

    code = "topic_locked"
    status = 403
    message = _("This topic is locked: nobody can reply to it.")


class NotAnAnswer(DomainError):
    """Only a visible reply to a question can be its solution."""

    code = "not_an_answer"
    message = _("Only an answer to a question can be accepted.")


class OwnPost(DomainError):
    """Nobody votes on their own post."""

    code = "own_post"
    status = 403
    message = _("You cannot vote on your own post.")


class TokenReused(DomainError):
    """A ``client_token`` stands for one post, and another was sent with it."""

    code = "client_token_reused"
    message = _(
        "This form was already sent with another text. Send it again to post this one too."
    )


class EditConflict(DomainError):
    """The post was changed while it was being edited."""

    code = "edit_conflict"
    status = 409
    message = _(
        "Somebody changed this post while you were editing it. Your text is kept below."
    )


class PostHidden(DomainError):
    """The post is out of sight: nothing is added to it."""

    code = "post_hidden"
    status = 403
    message = _("This post is hidden: nothing can be added to it.")


class TooLateToEdit(DomainError):
    """A comment has no history, so it changes only while it is fresh."""

    code = "too_late_to_edit"
    status = 403
    message = _(
        "A comment can be changed by its author in the first five minutes. "
        "Delete it and write another one."
    )


class ReminderInThePast(DomainError):
    """A reminder is for a time to come."""

    code = "reminder_in_the_past"
    status = 400
    message = _("Choose a time that is still to come.")


class TooManyBookmarks(DomainError):
    """Nobody finds anything among so many."""

    code = "too_many_bookmarks"
    message = _("You keep 2,000 posts already. Remove some of them first.")


class CannotJoin(DomainError):
    """Topics that are the same, hidden or joined already are not joined."""

    code = "cannot_join"
    message = _(
        "These topics cannot be joined: choose another one that can be seen and was "
        "not joined to a third."
    )


class CannotSplit(DomainError):
    """Some of the replies of a topic become another one, never the first post."""

    code = "cannot_split"
    message = _(
        "Choose replies of this topic: at least one, at most 200, not the first post."
    )


class NotJoined(DomainError):
    """Only what was joined is taken apart again."""

    code = "not_joined"
    message = _(
        "This topic was not joined to another one, or none of it is left there."
    )


class WrongTag(DomainError):
    """A tag is merged into another one, and only another name is given up."""

    code = "wrong_tag"
    message = _("That does not work with this tag: choose another one.")


class TagTaken(DomainError):
    """A name belongs to one tag."""

    code = "tag_taken"
    message = _("Another tag has this name. Merge the two instead.")


class KindNotTaken(DomainError):
    """A category takes some kinds of topics, and announcements only from the team."""

    code = "kind_not_taken"
    status = 400
    message = _("Topics of this kind are not opened in this category.")


class NotAnIdea(DomainError):
    """Only of ideas it is decided what becomes of them."""

    code = "not_an_idea"
    message = _("This topic is not an idea.")


class WordMissing(DomainError):
    """Who is told no is told why."""

    code = "word_missing"
    status = 400
    message = _("Say why it is declined: those who wish for it read it.")


class PollMisplaced(DomainError):
    """A poll is part of what a topic asks."""

    code = "poll_misplaced"
    status = 400
    message = _("A poll stands on the first post of a topic.")


class PollBegun(DomainError):
    """Votes are for what people read: a poll is not changed under them."""

    code = "poll_begun"
    message = _("Somebody voted already, so this poll is not changed any more.")


class PollEnded(DomainError):
    """Its time is over."""

    code = "poll_ended"
    message = _("This poll has ended.")


class WrongOptions(DomainError):
    """More than may be chosen, or options of another poll."""

    code = "wrong_options"
    status = 400

    def __init__(self, most: int) -> None:
        words = ngettext_lazy(
            "Choose one of the options of this poll.",
            "Choose at most %(most)d of the options of this poll.",
            "most",
        )
        super().__init__(words % {"most": most}, most=most)


class CategoryClosed(DomainError):
    """Only the team writes here, announcements for example."""

    code = "category_closed"
    status = 403
    message = _("Only moderators and staff write this in this category.")
