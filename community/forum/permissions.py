"""Who may do what in the forum; asked by pages, API and templates alike."""

from accounts.models import User
from community.forum.models import Person, Post, Topic


def can_moderate(user: Person) -> bool:
    return isinstance(user, User) and (user.is_staff or user.is_moderator)


def can_reply(user: Person, topic: Topic) -> bool:
    return user.is_authenticated and (not topic.is_locked or can_moderate(user))


def can_accept(user: Person, topic: Topic) -> bool:
    """The asker decides what solved it; moderators where the asker is gone."""
    return topic.is_question and (topic.author_id == user.pk or can_moderate(user))


def can_hide(user: Person, post: Post) -> bool:
    """Moderators hide any post; its author deletes what nobody builds upon.

    That is a reply which is not the accepted answer, or a topic without replies.
    """
    if can_moderate(user):
        return True
    if post.author_id != user.pk or post.hidden_at:
        return False
    topic = post.topic
    return not topic.reply_count if post.is_opening else topic.solution_id != post.pk


def can_restore(user: Person, post: Post) -> bool:
    """Moderators bring any post back; its author what they deleted themselves."""
    return can_moderate(user) or (
        post.author_id == user.pk and post.hidden_by_id == user.pk
    )


def can_edit(user: Person, post: Post) -> bool:
    return post.author_id == user.pk or can_moderate(user)
