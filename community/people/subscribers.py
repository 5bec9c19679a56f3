"""Telling people what those they follow begin."""

from django.db.models import Q

from community.forum.models import Post, readers_of
from community.forum.wording import QUOTED, opened_by
from community.people.models import Stance
from community.people.queries import followers_of
from contracts.accounts import AccountErased
from contracts.community import TopicCreated
from notifications.fan_out import notify_all
from notifications.models import Kind
from outbox import subscribe


@subscribe(TopicCreated)
def notify_followers(fact: TopicCreated) -> None:
    """Tell who follows an author of a new topic that they may read."""
    shown = Post.objects.filter(hidden_at=None, topic=fact.topic_id, number=1)
    post = shown.select_related("author", "topic__category").first()
    if post is None or post.topic.hidden_at:
        return
    readers = readers_of(post.topic).values("pk")
    notify_all(
        followers_of(post.author_id).filter(pk__in=readers),
        Kind.FOLLOWED,
        dedupe_key=f"topic:{post.topic_id}",
        url=post.topic.get_absolute_url(),
        title=opened_by(post.author, post.topic),
        body=post.plain[:QUOTED],
        actor_id=post.author_id,
        about=("post", post.pk),
        at=post.created_at,
    )


@subscribe(AccountErased)
def remove_stances(fact: AccountErased) -> None:
    """Forget whom a person followed, muted and blocked, and who did so to them."""
    stances = Stance.objects.filter(Q(user=fact.user_id) | Q(person=fact.user_id))
    stances.delete()
