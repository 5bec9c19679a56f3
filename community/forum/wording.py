"""What messages about posts and comments say: when they are told, and when read.

A title names the topic and a body quotes the text, and both may be changed afterwards.
So they are worked out again each time they are read.
"""

from collections.abc import Callable, Mapping, Sequence

from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Comment, Post, Topic
from notifications.models import Kind, Notification

Words = Callable[[], str]
# What a list of messages and a mail show of a text.
QUOTED = 500


def mentioned_in(author: User, topic: Topic) -> Words:
    words = {"name": author.name, "topic": topic.title}
    return lambda: _("%(name)s mentioned you: %(topic)s") % words


def opened_by(author: User, topic: Topic) -> Words:
    words = {"name": author.name, "topic": topic.title}
    return lambda: _("%(name)s opened a topic: %(topic)s") % words


def replied_in(author: User, topic: Topic) -> Words:
    words = {"name": author.name, "topic": topic.title}
    return lambda: _("%(name)s replied: %(topic)s") % words


def commented_in(author: User, topic: Topic) -> Words:
    words = {"name": author.name, "topic": topic.title}
    return lambda: _("%(name)s commented on your post: %(topic)s") % words


def accepted_in(topic: Topic) -> Words:
    return lambda: _("Your answer was accepted: %(topic)s") % {"topic": topic.title}


def reminded_of(topic: Topic) -> Words:
    return lambda: _("You wanted to come back to: %(topic)s") % {"topic": topic.title}


def words_about_posts(
    messages: Sequence[Notification],
) -> Mapping[int, tuple[str, str]]:
    """Return what messages about posts say now, by the keys of the messages."""
    posts = Post.objects.select_related("author", "topic").in_bulk(
        [each.about_id for each in messages if each.about_id]
    )
    said = {}
    for message in messages:
        post = posts.get(message.about_id or 0)
        title = _title_about(message.kind, post) if post else None
        if post is None or title is None:
            continue
        # The others' bodies are no quotations: a note of the reader's own, or nothing.
        is_quoted = message.kind not in {Kind.REMINDER, Kind.ANSWER_ACCEPTED}
        said[message.pk] = (title(), post.plain[:QUOTED] if is_quoted else message.body)
    return said


def words_about_comments(
    messages: Sequence[Notification],
) -> Mapping[int, tuple[str, str]]:
    """Return what messages about comments say now, by the keys of the messages."""
    comments = Comment.objects.select_related("author", "post__topic").in_bulk(
        [each.about_id for each in messages if each.about_id]
    )
    said = {}
    for message in messages:
        comment = comments.get(message.about_id or 0)
        if comment is None:
            continue
        is_call = message.kind == Kind.MENTION
        title = (mentioned_in if is_call else commented_in)(
            comment.author, comment.post.topic
        )
        said[message.pk] = (title(), comment.plain[:QUOTED])
    return said


def _title_about(kind: str, post: Post) -> Words | None:
    """Return how a message of ``kind`` about a post is entitled, or nothing."""
    if kind == Kind.MENTION:
        return mentioned_in(post.author, post.topic)
    if kind == Kind.ANSWER_ACCEPTED:
        return accepted_in(post.topic)
    if kind == Kind.REMINDER:
        return reminded_of(post.topic)
    if kind not in {Kind.REPLY, Kind.WATCHED, Kind.FOLLOWED}:
        return None
    told = opened_by if post.is_opening else replied_in
    return told(post.author, post.topic)
