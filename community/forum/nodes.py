"""Topics everybody may read and what solved them, for the knowledge graph."""

from collections.abc import Iterable, Iterator

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext_lazy as _

from community.forum.models import Post, Topic
from knowledge.registry import Actor, Known, NodeSource, register

# Posts fetched at a time, with their text some megabytes.
_AT_ONCE = 500


def register_nodes() -> None:
    """Bring topics and accepted answers into the graph."""
    register(
        NodeSource(kind="topic", label=_("Topics"), read=_topics, visible=_visible)
    )
    register(
        NodeSource(
            kind="answer", label=_("Accepted answers"), read=_answers, explains=True
        )
    )


def _topics() -> Iterator[Known]:
    open_to_all = Topic.objects.visible_to(AnonymousUser()).listed()
    opening = Post.objects.filter(number=1, topic__in=open_to_all)
    for post in opening.select_related("topic").iterator(chunk_size=_AT_ONCE):
        yield Known(
            key=str(post.topic_id),
            title_en=post.topic.title,
            url=post.topic.get_absolute_url(),
            text=post.source_md,
            html=post.html,
            subjects=(f"topic:{post.topic_id}",),
        )


def _answers() -> Iterator[Known]:
    open_to_all = Topic.objects.visible_to(AnonymousUser()).listed()
    solved = Post.objects.visible_to(AnonymousUser()).filter(
        pk__in=open_to_all.filter(solution__isnull=False).values("solution")
    )
    for post in solved.select_related("topic").iterator(chunk_size=_AT_ONCE):
        yield Known(
            key=str(post.pk),
            title_en=post.topic.title,
            # The address stays when the title changes.
            url=f"/forum/p/{post.pk}/",
            text=post.source_md,
            html=post.html,
            part_of=("topic", str(post.topic_id)),
        )


def _visible(actor: Actor, keys: Iterable[str]) -> set[str]:
    topics = Topic.objects.visible_to(actor).listed().filter(pk__in=list(keys))
    return {str(pk) for pk in topics.values_list("pk", flat=True)}
