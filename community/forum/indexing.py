"""Making topics findable, every post of them, exactly as far as they may be seen.

A topic's own entry is part 0: its title, tags and question, and what solved it. Every
reply is a part by its number.
"""

from collections.abc import Iterable, Iterator

from community.forum.models import Post, Topic
from search import services as search

# Some megabytes of text.
_AT_ONCE = 500


def index_topic(topic: Topic) -> None:
    """Index a topic as it is now; a hidden one is taken out with its replies."""
    if topic.hidden_at:
        search.remove("topic", topic.pk)
        return
    search.retitle(
        "topic", topic.pk, title=topic.title, audience=topic.category.visibility
    )
    search.index([entry_of(topic)])


def index_reply(post: Post) -> None:
    """Index a reply as it is now; a hidden one is taken out."""
    if post.hidden_at or post.topic.hidden_at:
        search.remove("topic", post.topic_id, part=post.number)
        return
    search.index([reply_entry_of(post)])


def index_replies(topic: Topic) -> None:
    """Index all replies that may be seen, of a topic that is back."""
    search.index(reply_entry_of(post) for post in _replies(topic))


def entry_of(topic: Topic) -> search.Findable:
    """Return a topic's entry: its question, then what solved it."""
    opening = topic.posts.filter(number=1).values_list("plain", flat=True).first()
    return topic_entry(topic, opening or "", [tag.name for tag in topic.tags.all()])


def topic_entry(topic: Topic, opening: str, tags: Iterable[str]) -> search.Findable:
    """Return a topic's entry, of what is known already; it asks nothing."""
    solution = topic.solution.plain if topic.solution else ""
    quoted = topic.solution.source_md if topic.solution else ""
    labels = ("solved",) if topic.is_solved else ()
    return search.Findable(
        kind="topic",
        object_id=topic.pk,
        url=topic.get_absolute_url(),
        title=topic.title,
        # What solved it comes first: it is what a reader is looking for.
        text=f"{solution}\n{opening}".strip(),
        words=" ".join(tags),
        audience=topic.category.visibility,
        labels=labels,
        source=quoted,
        # What is not solved answers nothing.
        has_meaning=topic.is_solved,
        boost=1.1 if topic.is_solved else 0.9,
    )


def reply_entry_of(post: Post) -> search.Findable:
    """Return a reply's entry; its topic's title is shown, and found by part 0."""
    return search.Findable(
        kind="topic",
        object_id=post.topic_id,
        part=post.number,
        # The address stays when the title changes.
        url=f"/forum/p/{post.pk}/",
        title=post.topic.title,
        is_titled=False,
        text=post.plain,
        audience=post.topic.category.visibility,
        boost=0.9,
    )


def entries() -> Iterator[search.Findable]:
    """Yield the entries of every listed topic, and of every reply that is shown."""
    topics = Topic.objects.listed().select_related("category", "solution")
    for topic in topics.prefetch_related("tags").iterator(chunk_size=_AT_ONCE):
        yield entry_of(topic)
    replies = Post.objects.filter(number__gt=1, hidden_at=None, topic__hidden_at=None)
    replies = replies.select_related("topic__category").order_by("pk")
    for post in replies.iterator(chunk_size=_AT_ONCE):
        yield reply_entry_of(post)


def _replies(topic: Topic) -> Iterator[Post]:
    shown = topic.posts.filter(number__gt=1, hidden_at=None)
    for post in shown.order_by("number").iterator(chunk_size=_AT_ONCE):
        post.topic = topic
        yield post
