"""Making topics findable, exactly as far as they may be seen."""

from collections.abc import Iterator

from community.forum.models import Topic
from search import services as search


def index_topic(topic: Topic) -> None:
    """Index a topic as it is now; a hidden one is taken out."""
    if topic.hidden_at:
        search.remove("topic", topic.pk)
        return
    search.replace("topic", topic.pk, [entry_of(topic)])


def entry_of(topic: Topic) -> search.Findable:
    """Return a topic's entry: its question, then what solved it."""
    opening = topic.posts.filter(number=1).values_list("plain", flat=True).first() or ""
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
        audience=topic.category.visibility,
        labels=labels,
        source=quoted,
        # What is not solved answers nothing.
        has_meaning=topic.is_solved,
        boost=1.1 if topic.is_solved else 0.9,
    )


def entries() -> Iterator[search.Findable]:
    """Yield every listed topic's entry."""
    topics = Topic.objects.listed().select_related("category", "solution")
    # Some megabytes of text at a time.
    for topic in topics.iterator(chunk_size=500):
        yield entry_of(topic)
