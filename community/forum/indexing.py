"""Making topics findable, every post of them, exactly as far as they may be seen.

A topic's own entry is part 0: its title, tags and question, and what solved it. Every
reply is a part by its number. What stands under a post, a poll and comments, is found
as a part of it, and so is what was decided on an idea.
"""

from collections.abc import Iterable, Iterator

from django.db.models import Prefetch, QuerySet

from community.forum.models import Comment, Poll, Post, Topic
from search import services as search

# Some megabytes of text.
_AT_ONCE = 500
# Under one post; as many words as the longest post has.
MOST_COMMENTS = 100


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
    search.index([reply_entry_of(post, said_under(post))])


def index_new_reply(post: Post) -> None:
    """Index a reply that was written just now: nothing stands under it yet."""
    search.index([reply_entry_of(post)])


def index_under(post: Post) -> None:
    """Let a post be found by what stands under it now; who sees it is as before.

    Call it with the rows of post and topic locked, so that it comes into no index which
    it was taken out of at the same time.
    """
    if post.hidden_at or post.topic.hidden_at:
        return
    is_opening = post.is_opening
    under = "" if is_opening else said_under(post)
    search.index([entry_of(post.topic) if is_opening else reply_entry_of(post, under)])


def index_replies(topic: Topic) -> None:
    """Index all replies that may be seen, of a topic that is back."""
    search.index(reply_entry_of(post, under_of(post)) for post in _replies(topic))


def entry_of(topic: Topic) -> search.Findable:
    """Return a topic's entry: its question, then what solved it."""
    opening = _with_under(topic.posts.filter(number=1)).first()
    told = [opening.plain, under_of(opening)] if opening else []
    if topic.is_idea:
        told += topic.decisions.order_by("pk").values_list("word", flat=True)
    text = "\n".join(filter(None, told))
    return topic_entry(topic, text, [tag.name for tag in topic.tags.all()])


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


def reply_entry_of(post: Post, under: str = "") -> search.Findable:
    """Return a reply's entry with what stands ``under`` it.

    Its topic's title is shown, and found by part 0.
    """
    return search.Findable(
        kind="topic",
        object_id=post.topic_id,
        part=post.number,
        # The address stays when the title changes.
        url=f"/forum/p/{post.pk}/",
        title=post.topic.title,
        is_titled=False,
        text=f"{post.plain}\n{under}".strip(),
        audience=post.topic.category.visibility,
        boost=0.9,
    )


def entries() -> Iterator[search.Findable]:
    """Yield the entries of every listed topic, and of every reply that is shown."""
    topics = Topic.objects.listed().select_related("category", "solution")
    for topic in topics.prefetch_related("tags").iterator(chunk_size=_AT_ONCE):
        yield entry_of(topic)
    shown = Post.objects.filter(number__gt=1, hidden_at=None, topic__hidden_at=None)
    replies = _with_under(shown.select_related("topic__category"))
    for post in replies.order_by("pk").iterator(chunk_size=_AT_ONCE):
        yield reply_entry_of(post, under_of(post))


def said_under(post: Post) -> str:
    """Return what stands under a post, asked for now."""
    found = _with_under(Post.objects.filter(pk=post.pk)).first()
    return under_of(found) if found else ""


def under_of(post: Post) -> str:
    """Return what stands under a post that was read with it."""
    poll: Poll | None = getattr(post, "poll", None)
    choice = (
        [poll.question, *(each.text for each in poll.options.all())] if poll else []
    )
    comments: list[Comment] = post.shown_comments  # type: ignore[attr-defined]
    return "\n".join((*choice, *(each.plain for each in comments[:MOST_COMMENTS])))


def _with_under(posts: QuerySet[Post]) -> QuerySet[Post]:
    shown = Comment.objects.filter(hidden_at=None).order_by("number")
    comments = Prefetch("comments", shown, to_attr="shown_comments")
    return posts.select_related("poll").prefetch_related("poll__options", comments)


def _replies(topic: Topic) -> Iterator[Post]:
    shown = _with_under(topic.posts.filter(number__gt=1, hidden_at=None))
    for post in shown.order_by("number").iterator(chunk_size=_AT_ONCE):
        post.topic = topic
        yield post
