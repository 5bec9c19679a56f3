"""Locking a post with its topic, in the one order that is used everywhere."""

from community.forum.models import Post, Topic
from core.errors import Contended


def lock_post(post: Post) -> tuple[Topic, Post]:
    """Return a post and its topic, both locked: the topic first, as everywhere.

    Raises ``Contended`` when it was moved to another topic just now.
    """
    topic_id = Post.objects.values_list("topic_id", flat=True).get(pk=post.pk)
    topic = Topic.objects.select_for_update(no_key=True).get(pk=topic_id)
    posts = Post.objects.select_for_update(no_key=True, of=("self",))
    locked = posts.select_related("author").get(pk=post.pk)
    if locked.topic_id != topic.pk:
        raise Contended
    return topic, locked
