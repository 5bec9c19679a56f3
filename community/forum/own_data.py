"""What the forum keeps of a person: what they wrote, and what they chose."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from community.forum.models import (
    Bookmark,
    Comment,
    PlaceWatch,
    Post,
    Reaction,
    ReadingDay,
    TopicUser,
    Vote,
)

Rows = Iterator[Mapping[str, Any]]
# Rows fetched at once.
CHUNK = 1_000


def written(user: User) -> Rows:
    """Yield every post and comment of a person, hidden ones too: they wrote them."""
    posts = Post.objects.filter(author=user).order_by("pk")
    for row in posts.values(
        "id", "topic_id", "topic__title", "number", "source_md", "created_at"
    ).iterator(chunk_size=CHUNK):
        yield {"kind": "post", **row}
    comments = Comment.objects.filter(author=user).order_by("pk")
    for comment in comments.values("id", "post_id", "source_md", "created_at").iterator(
        chunk_size=CHUNK
    ):
        yield {"kind": "comment", **comment}


def chosen(user: User) -> Rows:
    """Yield votes, reactions, bookmarks, what is followed, and what was read."""
    kinds: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
        ("vote", Vote, ("post_id", "value", "voted_at")),
        ("reaction", Reaction, ("post_id", "kind", "created_at")),
        ("bookmark", Bookmark, ("post_id", "note", "remind_at", "created_at")),
        ("topic", TopicUser, ("topic_id", "last_read_number", "level")),
        ("place", PlaceWatch, ("category__slug", "tag__slug", "level", "chosen_at")),
        ("reading_day", ReadingDay, ("day", "topics", "posts")),
    )
    for name, model, fields in kinds:
        mine = model.objects.filter(user=user).order_by("pk")
        for row in mine.values(*fields).iterator(chunk_size=CHUNK):
            yield {"about": name, **row}
