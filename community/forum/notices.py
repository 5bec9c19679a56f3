"""Who hears of what, once each: worked out when they are told, not when it was written.

Each of these runs in the outbox's transaction, so that a retry after a crash tells
nobody twice, and costs the same few statements for any number of watchers.
"""

from collections.abc import Callable

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.queries import usernames_among
from community.forum.listening import listeners_of, listeners_of_new
from community.forum.models import (
    Comment,
    IdeaDecision,
    Post,
    Topic,
    TopicUser,
    readers_of,
)
from design import markdown
from notifications.fan_out import notify_all
from notifications.models import Kind

# A post that calls half the forum calls nobody.
MAX_MENTIONS = 10


def notify_of_topic(topic_id: int) -> None:
    """Tell those a first post mentions, and who follows its places."""
    post = _shown().filter(topic_id=topic_id, number=1).first()
    if post is None:
        return
    mentioned = _notify_mentioned(post)
    following = listeners_of_new(post.topic).exclude(pk__in=mentioned)
    _notify(following, Kind.WATCHED, post, _opened(post))


def notify_of_reply(post_id: int) -> None:
    """Tell those a reply mentions, the asker and the watchers: one message each."""
    post = _shown().filter(pk=post_id).first()
    if post is None:
        return
    mentioned = _notify_mentioned(post)
    topic = post.topic
    told = listeners_of(topic, number=post.number)
    listening = told.exclude(pk__in=mentioned)
    asker = listening.filter(pk=topic.author_id)
    _notify(asker, Kind.REPLY, post, _replied(post))
    _notify(listening.exclude(pk=topic.author_id), Kind.WATCHED, post, _replied(post))


def notify_of_comment(comment_id: int) -> None:
    """Tell those a comment mentions, and the author of the post: nobody else.

    Comments are many and small: people who only watch the topic find them there.
    """
    shown = Comment.objects.filter(hidden_at=None, post__hidden_at=None)
    comment = (
        shown.select_related("author", "post__topic__category")
        .filter(pk=comment_id)
        .first()
    )
    if comment is None:
        return
    topic = comment.post.topic
    words = {"name": comment.author.name, "topic": topic.title}
    mentioned = _called_by(comment.source_md, topic)
    if mentioned:
        _notify_of_comment(
            User.objects.filter(pk__in=mentioned),
            Kind.MENTION,
            comment,
            lambda: _("%(name)s mentioned you: %(topic)s") % words,
        )
    author = readers_of(topic).filter(pk=comment.post.author_id)
    _notify_of_comment(
        author.exclude(pk__in=mentioned),
        Kind.COMMENT,
        comment,
        lambda: _("%(name)s commented on your post: %(topic)s") % words,
    )


def notify_of_acceptance(answer_id: int, *, by_id: int) -> None:
    """Tell an author that their answer was accepted, unless that was taken back."""
    answer = _shown().filter(pk=answer_id, topic__solution=answer_id).first()
    if answer is None:
        return
    topic = answer.topic
    notify_all(
        readers_of(topic).filter(pk=answer.author_id),
        Kind.ANSWER_ACCEPTED,
        dedupe_key=f"accepted:{topic.pk}:{answer.pk}",
        url=answer.get_absolute_url(),
        title=lambda: _("Your answer was accepted: %(topic)s") % {"topic": topic.title},
        actor_id=by_id,
        about=("post", answer.pk),
        at=topic.solved_at,
    )


def notify_of_decision(decision_id: int) -> None:
    """Tell who opened an idea and who follows it what became of it.

    Only the latest decision is told: one that was taken back meanwhile is no news.
    """
    found = IdeaDecision.objects.select_related("topic__category").filter(
        pk=decision_id
    )
    decision = found.first()
    if decision is None or decision.topic.hidden_at:
        return
    topic = decision.topic
    if topic.decisions.filter(pk__gt=decision.pk).exists():
        return
    notify_all(
        # A decision is not one of the posts: who has read all of them is told, too.
        listeners_of(topic, number=topic.highest_number + 1),
        Kind.WATCHED,
        dedupe_key=f"idea:{topic.pk}",
        url=f"{topic.get_absolute_url()}#decision",
        title=lambda: (
            _("An idea is now “%(state)s”: %(topic)s")
            % {"state": decision.get_state_display(), "topic": topic.title}
        ),
        body=decision.word,
        actor_id=decision.by_id,
        about=("topic", topic.pk),
        at=decision.decided_at,
    )


def _shown() -> QuerySet[Post]:
    """Posts nobody has hidden meanwhile."""
    shown = Post.objects.filter(hidden_at=None)
    return shown.select_related("author", "topic__category")


def _notify_mentioned(post: Post) -> list[int]:
    """Tell those a post calls by name; return who they are."""
    mentioned = _called_by(post.source_md, post.topic)
    if mentioned:
        people = User.objects.filter(pk__in=mentioned)
        _notify(people, Kind.MENTION, post, _called(post))
    return mentioned


def _called_by(text: str, topic: Topic) -> list[int]:
    """Return whom a text calls by name, of those who may read the topic.

    Who muted the topic is not told.
    """
    names = markdown.mentioned(text, usernames_among)[:MAX_MENTIONS]
    if not names:
        return []
    muted = TopicUser.objects.filter(topic=topic, level=TopicUser.Level.MUTED)
    called = readers_of(topic).filter(username__in=names)
    called = called.exclude(pk__in=muted.values("user"))
    return list(called.values_list("pk", flat=True))


def _called(post: Post) -> Callable[[], str]:
    words = {"name": post.author.name, "topic": post.topic.title}
    return lambda: _("%(name)s mentioned you: %(topic)s") % words


def _opened(post: Post) -> Callable[[], str]:
    words = {"name": post.author.name, "topic": post.topic.title}
    return lambda: _("%(name)s opened a topic: %(topic)s") % words


def _replied(post: Post) -> Callable[[], str]:
    words = {"name": post.author.name, "topic": post.topic.title}
    return lambda: _("%(name)s replied: %(topic)s") % words


def _notify(
    people: QuerySet[User], kind: Kind, post: Post, title: Callable[[], str]
) -> None:
    counted = "mention" if kind == Kind.MENTION else "topic"
    notify_all(
        people,
        kind,
        dedupe_key=f"{counted}:{post.topic_id}",
        url=post.get_absolute_url(),
        title=title,
        body=post.plain[:500],
        actor_id=post.author_id,
        about=("post", post.pk),
        at=post.created_at,
    )


def _notify_of_comment(
    people: QuerySet[User], kind: Kind, comment: Comment, title: Callable[[], str]
) -> None:
    notify_all(
        people,
        kind,
        # Ten comments on one post are one message that says ten.
        dedupe_key=f"comments:{comment.post_id}",
        url=comment.get_absolute_url(),
        title=title,
        body=comment.plain[:500],
        actor_id=comment.author_id,
        about=("comment", comment.pk),
        at=comment.created_at,
    )
