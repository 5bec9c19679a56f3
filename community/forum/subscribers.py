"""What the forum does once something it did is committed: tell, and index."""

from community.forum import notices, services
from community.forum.models import Bookmark, PlaceWatch, ReadingDay, TopicUser
from contracts.accounts import AccountErased
from contracts.community import (
    AnswerAccepted,
    CommentPosted,
    IdeaDecided,
    MentionsAdded,
    ReplyPosted,
    TagChanged,
    TopicCreated,
)
from outbox import subscribe


@subscribe(TopicCreated)
def notify_of_topic(fact: TopicCreated) -> None:
    """Tell those whom a new topic mentions."""
    notices.notify_of_topic(fact.topic_id)


@subscribe(ReplyPosted)
def notify_of_reply(fact: ReplyPosted) -> None:
    """Tell those a reply mentions, the asker and the watchers."""
    notices.notify_of_reply(fact.post_id)


@subscribe(CommentPosted)
def notify_of_comment(fact: CommentPosted) -> None:
    """Tell those a comment mentions, and who wrote the post."""
    notices.notify_of_comment(fact.comment_id)


@subscribe(AnswerAccepted)
def notify_of_acceptance(fact: AnswerAccepted) -> None:
    """Tell an author that their answer was accepted."""
    notices.notify_of_acceptance(fact.answer_id, by_id=fact.accepted_by_id)


@subscribe(MentionsAdded)
def notify_of_added_mentions(fact: MentionsAdded) -> None:
    """Tell those whom a text calls since it was changed."""
    notices.notify_of_added_mentions(
        fact.post_id, names=fact.names.split(","), comment_id=fact.comment_id
    )


@subscribe(IdeaDecided)
def notify_of_decision(fact: IdeaDecided) -> None:
    """Tell those who wish for an idea what became of it."""
    notices.notify_of_decision(fact.decision_id)


@subscribe(TagChanged)
def index_tagged(fact: TagChanged) -> None:
    """Let topics be found by the tag as it is called now."""
    services.index_tagged(fact.tag_id)


@subscribe(AccountErased)
def remove_reading(fact: AccountErased) -> None:
    """Forget what a person read, kept and followed; posts and votes stay."""
    for model in (Bookmark, PlaceWatch, ReadingDay, TopicUser):
        model.objects.filter(user_id=fact.user_id).delete()
