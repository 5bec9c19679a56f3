"""Who hears of what, once each: worked out when they are told, not when it was written.

Each of these runs in the outbox's transaction, so that a retry after a crash tells
nobody twice, and costs the same few statements for any number of watchers.
"""

from collections.abc import Callable, Collection

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
from community.forum.wording import (
    QUOTED,
    accepted_in,
    commented_in,
    mentioned_in,
    opened_by,
    replied_in,
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
    _notify(following, Kind.WATCHED, post, opened_by(post.author, post.topic))


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
    _notify(asker, Kind.REPLY, post, replied_in(post.author, post.topic))
    _notify(
        listening.exclude(pk=topic.author_id),
        Kind.WATCHED,
        post,
        replied_in(post.author, post.topic),
    )


def notify_of_comment(comment_id: int) -> None:
    """Tell those a comment mentions, and the author of the post: nobody else.

    Comments are many and small: people who only watch the topic find them there.
    """
    comment = _shown_comment(comment_id)
    if comment is None:
        return
    topic = comment.post.topic
    mentioned = _called_by(comment.source_md, topic)
    if mentioned:
        _notify_of_comment(
            User.objects.filter(pk__in=mentioned),
            Kind.MENTION,
            comment,
            mentioned_in(comment.author, topic),
        )
    author = readers_of(topic).filter(pk=comment.post.author_id)
    _notify_of_comment(
        author.exclude(pk__in=mentioned),
        Kind.COMMENT,
        comment,
        commented_in(comment.author, topic),
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
        title=accepted_in(topic),
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


def notify_of_added_mentions(
    post_id: int, *, names: Collection[str], comment_id: int = 0
) -> None:
    """Tell those whom a text calls only since it was changed, and still calls."""
    if comment_id:
        comment = _shown_comment(comment_id)
        if comment is not None:
            called = _called_by(comment.source_md, comment.post.topic, among=names)
            _notify_of_comment(
                User.objects.filter(pk__in=called),
                Kind.MENTION,
                comment,
                mentioned_in(comment.author, comment.post.topic),
            )
        return
    post = _shown().filter(pk=post_id).first()
    if post is not None:
        _notify_mentioned(post, among=names)


def _shown() -> QuerySet[Post]:
    """Posts nobody has hidden meanwhile."""
    shown = Post.objects.filter(hidden_at=None)
    return shown.select_related("author", "topic__category")


def _shown_comment(comment_id: int) -> Comment | None:
    shown = Comment.objects.filter(hidden_at=None, post__hidden_at=None)
    found = shown.select_related("author", "post__topic__category")
    return found.filter(pk=comment_id).first()


def _notify_mentioned(post: Post, *, among: Collection[str] | None = None) -> list[int]:
    """Tell those a post calls by name; return who they are."""
    mentioned = _called_by(post.source_md, post.topic, among=among)
    if mentioned:
        people = User.objects.filter(pk__in=mentioned)
        _notify(people, Kind.MENTION, post, mentioned_in(post.author, post.topic))
    return mentioned


def _called_by(
    text: str, topic: Topic, *, among: Collection[str] | None = None
) -> list[int]:
    """Return whom a text calls by name, of those who may read the topic.

    Who muted the topic is not told; ``among`` narrows it to some names.
    """
    names = [
        name
        for name in markdown.mentioned(text, usernames_among)[:MAX_MENTIONS]
        if among is None or name in among
    ]
    if not names:
        return []
    muted = TopicUser.objects.filter(topic=topic, level=TopicUser.Level.MUTED)
    called = readers_of(topic).filter(username__in=names)
    called = called.exclude(pk__in=muted.values("user"))
    return list(called.values_list("pk", flat=True))


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
        body=post.plain[:QUOTED],
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
        body=comment.plain[:QUOTED],
        actor_id=comment.author_id,
        about=("comment", comment.pk),
        at=comment.created_at,
    )
