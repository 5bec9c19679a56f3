"""Who may do what in the forum; asked by pages, API and templates alike."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from community.forum.models import Access, Category, Comment, Person, Post, Topic
from community.reputation.queries import points_of

# Who sees a slip of the pen at once may mend it without leaving a trace.
GRACE = timedelta(minutes=5)
# One vote for something one wrote. Stack Overflow asks for fifty, which here nobody
# would have for months; without any, advertisers comment on every old question.
COMMENT_POINTS = 10


def can_moderate(user: Person) -> bool:
    return isinstance(user, User) and (user.is_staff or user.is_moderator)


def can_open_topic(user: Person, category: Category) -> bool:
    return user.is_authenticated and (
        category.topics_by == Access.MEMBERS or can_moderate(user)
    )


def can_announce(user: Person) -> bool:
    """Announcements stand on top of what everybody reads: the team writes them."""
    return can_moderate(user)


def kinds_open_to(user: Person, category: Category) -> list[str]:
    """Return the kinds of topics ``user`` may open in ``category``."""
    if not can_open_topic(user, category):
        return []
    return [
        kind
        for kind in category.kinds
        if kind != Topic.Kind.ANNOUNCEMENT or can_announce(user)
    ]


def can_decide_idea(user: Person, topic: Topic) -> bool:
    """Staff say what becomes of an idea: it is their plan."""
    return topic.is_idea and isinstance(user, User) and user.is_staff


def can_reply(user: Person, topic: Topic) -> bool:
    is_open = not topic.is_locked and topic.category.replies_by == Access.MEMBERS
    return user.is_authenticated and (is_open or can_moderate(user))


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


def comments_anywhere(user: Person) -> bool:
    """Tell whether ``user`` is known well enough to comment on what others wrote."""
    if not isinstance(user, User):
        return False
    return can_moderate(user) or points_of(user.pk) >= COMMENT_POINTS


def can_comment(user: Person, post: Post, *, anywhere: bool | None = None) -> bool:
    """Everybody on their own posts and in their own topics; elsewhere who is known.

    ``anywhere`` is the answer of ``comments_anywhere``, where many posts are asked for.
    """
    if post.hidden_at or post.topic.hidden_at or not can_reply(user, post.topic):
        return False
    if user.pk in {post.author_id, post.topic.author_id}:
        return True
    return comments_anywhere(user) if anywhere is None else anywhere


def can_edit_comment(user: Person, comment: Comment) -> bool:
    """Its author while it is fresh; later on others have read it as it is."""
    is_fresh = timezone.now() - comment.created_at < GRACE
    return comment.author_id == user.pk and is_fresh and not comment.hidden_at


def can_hide_comment(user: Person, comment: Comment) -> bool:
    return not comment.hidden_at and (
        can_moderate(user) or comment.author_id == user.pk
    )


def can_restore_comment(user: Person, comment: Comment) -> bool:
    """Moderators bring any comment back; its author what they deleted themselves."""
    return bool(comment.hidden_at) and (
        can_moderate(user)
        or (comment.author_id == user.pk and comment.hidden_by_id == user.pk)
    )
