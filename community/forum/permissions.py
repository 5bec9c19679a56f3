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


def can_edit(user: Person, post: Post) -> bool:
    return post.author_id == user.pk or can_moderate(user)
