"""Who hears of what, once each."""

from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Post, Topic, TopicUser
from design import markdown
from notifications.models import Kind
from notifications.services import notify

# A post that calls half the forum calls nobody.
MAX_MENTIONS = 10


def tell_of_reply(post: Post, topic: Topic) -> None:
    """Tell those a reply mentions, the asker and the watchers: one message each."""
    told = {post.author_id}
    for user in _mentioned(post, topic):
        if user.pk not in told:
            told.add(user.pk)
            _tell(user, Kind.MENTION, post, topic)
    watchers = TopicUser.objects.filter(
        topic=topic, level=TopicUser.Level.WATCHING
    ).select_related("user")
    for watcher in watchers:
        if watcher.user_id in told:
            continue
        # Whoever lost sight of the category hears nothing of it any more.
        if not Topic.objects.visible_to(watcher.user).filter(pk=topic.pk).exists():
            continue
        told.add(watcher.user_id)
        kind = Kind.REPLY if watcher.user_id == topic.author_id else Kind.WATCHED
        _tell(watcher.user, kind, post, topic)


def tell_of_acceptance(answer: Post, topic: Topic, *, by: User) -> None:
    """Tell an author that their answer was accepted."""
    with translation.override(answer.author.locale or "en"):
        title = _("Your answer was accepted: %(topic)s") % {"topic": topic.title}
    notify(
        answer.author_id,
        Kind.ANSWER_ACCEPTED,
        dedupe_key=f"accepted:{topic.pk}:{answer.pk}",
        url=f"{topic.get_absolute_url()}?n={answer.number}#post-{answer.number}",
        title=title,
        actor_id=by.pk,
    )


def _mentioned(post: Post, topic: Topic) -> list[User]:
    names = list(markdown.mentioned(post.source_md))[:MAX_MENTIONS]
    users = User.objects.filter(username__in=names, is_active=True)
    return [
        user
        for user in users
        if Topic.objects.visible_to(user).filter(pk=topic.pk).exists()
    ]


def _tell(user: User, kind: str, post: Post, topic: Topic) -> None:
    with translation.override(user.locale or "en"):
        if kind == Kind.MENTION:
            title = _("%(name)s mentioned you: %(topic)s")
        else:
            title = _("%(name)s replied: %(topic)s")
        title %= {"name": post.author.name, "topic": topic.title}
    notify(
        user.pk,
        kind,
        dedupe_key=f"{'mention' if kind == Kind.MENTION else 'topic'}:{topic.pk}",
        url=f"{topic.get_absolute_url()}?n={post.number}#post-{post.number}",
        title=title,
        body=post.plain[:500],
        actor_id=post.author_id,
    )
