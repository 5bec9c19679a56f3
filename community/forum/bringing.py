"""Writing down, in bulk, what people wrote in another forum.

It is history and not an event: authors, dates, numbers, answers and edits are those of
then. So nothing is published, nobody is told, no point is given and nobody voted; what
a text scored there stands beside the votes of this site and is never added to them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from textwrap import shorten

from django.db import transaction
from django.db.models import F

from community.forum.cleaning import clean_text, clean_title
from community.forum.indexing import MOST_COMMENTS, reply_entry_of, topic_entry
from community.forum.models import (
    Category,
    Comment,
    Post,
    PostRevision,
    Tag,
    Topic,
    TopicTag,
    first_state_of,
)
from community.forum.services.writing import MAX_TAGS, locale_of
from community.forum.tagging import carry, count_in_tags, lock_named_tags, tag_names
from search import services as search

# Some megabytes of text and of HTML in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtComment:
    """A comment as it was; ``key`` is what the other forum calls it by."""

    key: str
    author_id: int
    text: str
    created_at: datetime
    score: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtRevision:
    """What a post said before an edit, who edited it and when."""

    editor_id: int
    text: str
    created_at: datetime
    title: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtPost:
    """A post as it was, with what stands under it, the oldest first."""

    key: str
    number: int
    author_id: int
    text: str
    created_at: datetime
    edited_at: datetime | None = None
    score: int = 0
    comments: Sequence[BroughtComment] = ()
    revisions: Sequence[BroughtRevision] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtTopic:
    """A topic as it was; its first post has the number 1, the others rise from there.

    ``solution`` is the key of the post that solved it, of a question only.
    """

    key: str
    category: Category
    kind: str
    title: str
    author_id: int
    created_at: datetime
    posts: Sequence[BroughtPost]
    tags: Sequence[str] = ()
    views: int = 0
    is_locked: bool = False
    solution: str = ""
    solved_at: datetime | None = None


@dataclass(slots=True)
class Brought:
    """What was written, by the keys of the other forum."""

    topics: dict[str, Topic] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    comments: dict[str, Comment] = field(default_factory=dict)


def bring_topics(topics: Sequence[BroughtTopic]) -> Brought:
    """Write topics with all that stands in them, all of them or none.

    What takes long, making HTML of the texts, is done before the transaction; in it
    tags are locked in the order of their keys, like everywhere.
    """
    rendered = {
        (topic.key, post.key): _post(post) for topic in topics for post in topic.posts
    }
    brought = Brought()
    with transaction.atomic():
        tags = _tags_of(topics)
        rows = [_topic(topic) for topic in topics]
        Topic.objects.bulk_create(rows, batch_size=_AT_ONCE)
        brought.topics = dict(zip((t.key for t in topics), rows, strict=True))
        for (topic_key, key), post in rendered.items():
            post.topic = brought.topics[topic_key]
            brought.posts[key] = post
        Post.objects.bulk_create(rendered.values(), batch_size=_AT_ONCE)
        _write_under(topics, brought)
        _solve(topics, brought)
        _tag_and_count(topics, brought, tags)
        search.index(_entries(topics, brought, tags))
    return brought


def _topic(topic: BroughtTopic) -> Topic:
    last = max(topic.posts, key=lambda post: (post.created_at, post.number))
    return Topic(
        category=topic.category,
        kind=topic.kind,
        idea_state=first_state_of(topic.kind),
        title=clean_title(topic.title),
        author_id=topic.author_id,
        locale=locale_of(f"{topic.title} {topic.posts[0].text}"),
        reply_count=len(topic.posts) - 1,
        view_count=topic.views,
        highest_number=max(post.number for post in topic.posts),
        last_poster_id=last.author_id,
        bumped_at=last.created_at,
        created_at=topic.created_at,
        locked_at=last.created_at if topic.is_locked else None,
    )


def _post(brought: BroughtPost) -> Post:
    post = Post(
        number=brought.number,
        author_id=brought.author_id,
        source_md=clean_text(brought.text),
        brought_score=brought.score,
        comment_count=len(brought.comments),
        created_at=brought.created_at,
        edited_at=brought.edited_at,
    )
    _render(post)
    return post


def _render(text: Post | Comment) -> None:
    rendered = text.rendered()
    text.html, text.plain = rendered.html, rendered.plain
    text.render_version = rendered.version


def _write_under(topics: Sequence[BroughtTopic], brought: Brought) -> None:
    """Write comments and earlier versions; a comment's ids name its post's key."""
    revisions = []
    for topic in topics:
        for post in topic.posts:
            row = brought.posts[post.key]
            for number, comment in enumerate(post.comments, start=1):
                brought.comments[comment.key] = _comment(comment, row, number)
            revisions += [
                PostRevision(
                    post=row,
                    number=number,
                    editor_id=revision.editor_id,
                    source_md=clean_text(revision.text),
                    title=shorten(clean_title(revision.title), 200, placeholder="…"),
                    reason=shorten(clean_title(revision.reason), 200, placeholder="…"),
                    created_at=revision.created_at,
                )
                for number, revision in enumerate(post.revisions, start=1)
            ]
    Comment.objects.bulk_create(brought.comments.values(), batch_size=_AT_ONCE)
    PostRevision.objects.bulk_create(revisions, batch_size=_AT_ONCE)


def _comment(brought: BroughtComment, post: Post, number: int) -> Comment:
    comment = Comment(
        post=post,
        number=number,
        author_id=brought.author_id,
        source_md=clean_text(brought.text),
        brought_score=brought.score,
        created_at=brought.created_at,
    )
    _render(comment)
    return comment


def _solve(topics: Sequence[BroughtTopic], brought: Brought) -> None:
    solved = []
    for topic in topics:
        if topic.solution:
            row = brought.topics[topic.key]
            row.solution = brought.posts[topic.solution]
            row.solved_at = topic.solved_at or row.solution.created_at
            solved.append(row)
    Topic.objects.bulk_update(solved, ["solution", "solved_at"], batch_size=_AT_ONCE)


def _tags_of(topics: Sequence[BroughtTopic]) -> dict[str, list[Tag]]:
    """Return the tags of each topic, locked: each once, as many as a topic has."""
    named = {topic.key: tag_names(topic.tags)[:MAX_TAGS] for topic in topics}
    locked = lock_named_tags({name for names in named.values() for name in names})
    return {
        key: list({locked[name].pk: locked[name] for name in names}.values())
        for key, names in named.items()
    }


def _tag_and_count(
    topics: Sequence[BroughtTopic], brought: Brought, tags: dict[str, list[Tag]]
) -> None:
    counted: Counter[tuple[int, str]] = Counter()
    within: Counter[int] = Counter()
    known: dict[int, Tag] = {}
    links = []
    for topic in topics:
        row = brought.topics[topic.key]
        within[topic.category.pk] += 1
        for tag in tags[topic.key]:
            known[tag.pk] = tag
            counted[tag.pk, topic.category.visibility] += 1
            links.append(TopicTag(topic=row, tag=tag, bumped_at=row.bumped_at))
    TopicTag.objects.bulk_create(links, batch_size=_AT_ONCE)
    carry(*brought.topics.values())
    for (pk, visibility), many in sorted(counted.items()):
        count_in_tags([known[pk]], visibility, many)
    for pk, many in sorted(within.items()):
        Category.objects.filter(pk=pk).update(topic_count=F("topic_count") + many)


def _entries(
    topics: Sequence[BroughtTopic], brought: Brought, tags: dict[str, list[Tag]]
) -> Iterator[search.Findable]:
    for topic in topics:
        row = brought.topics[topic.key]
        opening, *replies = (brought.posts[post.key] for post in topic.posts)
        names: Iterable[str] = (tag.name for tag in tags[topic.key])
        under = {
            post.key: "\n".join(
                brought.comments[each.key].plain
                for each in post.comments[:MOST_COMMENTS]
            )
            for post in topic.posts
        }
        first, *others = (under[post.key] for post in topic.posts)
        yield topic_entry(row, f"{opening.plain}\n{first}".strip(), names)
        yield from map(reply_entry_of, replies, others)
