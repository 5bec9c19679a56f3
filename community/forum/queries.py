"""Reading the forum for its pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.models import (
    Person,
    Post,
    Tag,
    Topic,
    TopicQuerySet,
    TopicTag,
    TopicUser,
    Vote,
    visibilities_of,
)
from core.clock import now
from edge.pagination import CursorPage, paginate
from search.finding import Hit, with_like_title

SORTS: dict[str, Promise] = {
    "latest": _("Latest"),
    "top": _("Top"),
    "unanswered": _("Unanswered"),
    "unread": _("Unread"),
    "mine": _("Mine"),
}
WITHOUT_SIGN_IN = ("latest", "top", "unanswered")
# In posts; Discourse shows twenty and fetches the next by itself.
WINDOW = 30
# What is older than a week is not unread but missed.
NEW_FOR = timedelta(days=7)
# As many as fit beside a topic without a second look.
RELATED = 5
# In lines; a longer quotation hides the answer under it.
MAX_QUOTED = 40
# Two rows on a telephone.
POPULAR = 12


@dataclass(slots=True)
class TopicRow:
    """A topic as a list shows it."""

    topic: Topic
    tags: list[Tag] = field(default_factory=list)
    unread: int = 0
    is_new: bool = False


@dataclass(slots=True)
class PostRow:
    """A post as its topic shows it."""

    post: Post
    my_vote: int = 0
    is_solution: bool = False


@dataclass(slots=True)
class TopicWindow:
    """The posts of one page of a topic, and where the neighbours begin."""

    opening: PostRow | None
    solution: PostRow | None
    posts: list[PostRow]
    previous_number: int | None
    next_number: int | None


def list_topics(
    topics: TopicQuerySet,
    *,
    user: Person,
    sort: str,
    cursor: str | None,
    tag: Tag | None = None,
) -> CursorPage[Topic]:
    """Return one page of a list. Raises ``BadCursor``."""
    topics = topics.listed().select_related("category", "author", "last_poster")
    order: Sequence[str] = ("-bumped_at", "-pk")
    if tag is not None:
        # The link carries the time, so that a rare tag reads its own index only.
        topics = topics.filter(topic_tags__tag=tag)
        topics = topics.annotate(tagged_at=F("topic_tags__bumped_at"))
        order = ("-tagged_at", "-pk")
    if sort == "top":
        order = ("-vote_score", "-pk")
    elif sort == "unanswered":
        topics = topics.filter(kind=Topic.Kind.QUESTION, solution=None)
        order = ("-created_at", "-pk")
    elif sort == "mine" and user.is_authenticated:
        topics = topics.filter(author_id=user.pk)
    elif sort == "unread" and user.is_authenticated:
        topics = topics.filter(
            readers__user_id=user.pk,
            readers__last_read_number__lt=F("highest_number"),
            # In the same filter: another user's muting is not the reader's.
            readers__level__in=[TopicUser.Level.NORMAL, TopicUser.Level.WATCHING],
        )
    return paginate(topics, order_by=order, cursor=cursor)


def rows_of(topics: Sequence[Topic], *, user: Person) -> list[TopicRow]:
    """Return topics with their tags and what is unread: two queries for any number.

    New is what appeared after the reader came to the forum and was never opened.
    """
    rows = {topic.pk: TopicRow(topic) for topic in topics}
    for link in (
        TopicTag.objects.filter(topic__in=rows)
        .select_related("tag")
        .order_by("tag__name")
    ):
        rows[link.topic_id].tags.append(link.tag)
    if user.is_authenticated:
        recent = now() - NEW_FOR
        for row in rows.values():
            row.is_new = row.topic.created_at > max(recent, user.date_joined)
        for reader in TopicUser.objects.filter(topic__in=rows, user_id=user.pk):
            row = rows[reader.topic_id]
            row.is_new = False
            row.unread = max(0, row.topic.highest_number - reader.last_read_number)
    return list(rows.values())


def pinned_topics(topics: QuerySet[Topic]) -> list[Topic]:
    """Return what stays on top of a list, outside its pages."""
    pinned = topics.filter(pinned_at__isnull=False, hidden_at=None)
    return list(
        pinned.select_related("category", "author", "last_poster").order_by(
            "-pinned_at"
        )[:5]
    )


def window_of(topic: Topic, *, user: Person, around: int | None) -> TopicWindow:
    """Return a topic's posts from ``around`` on, with the reader's votes.

    The first post and the solution come with every window. A topic of any length
    costs the same three queries.
    """
    visible = Post.objects.visible_to(user).filter(topic=topic).select_related("author")
    start = max(2, around or 2)
    wanted = Q(number__gte=start) & Q(number__lt=start + WINDOW)
    always = Q(number=1) | Q(pk=topic.solution_id)
    posts = list(visible.filter(wanted | always).order_by("number"))
    votes = _votes_of(user, posts)
    rows = [
        PostRow(post, votes.get(post.pk, 0), is_solution=post.pk == topic.solution_id)
        for post in posts
    ]
    for row in rows:
        row.post.topic = topic
    opening = next((row for row in rows if row.post.is_opening), None)
    solution = next((row for row in rows if row.is_solution), None)
    shown = [row for row in rows if start <= row.post.number < start + WINDOW]
    has_more = topic.highest_number >= start + WINDOW
    return TopicWindow(
        opening,
        solution,
        shown,
        previous_number=max(2, start - WINDOW) if start > 2 else None,
        next_number=start + WINDOW if has_more else None,
    )


def alike(title: str, *, user: Person, besides: int | None = None) -> list[Hit]:
    """Return topics ``user`` may see whose titles say much of what ``title`` does."""
    found = with_like_title(user, title, kinds=["topic"], limit=RELATED + 1)
    return [hit for hit in found if hit.object_id != besides][:RELATED]


def popular_tags(user: Person) -> list[Tag]:
    """Return the tags most topics stand under, of those ``user`` may see.

    Everybody who sees the same categories shares one answer for a minute.
    """

    def read() -> list[Tag]:
        tags = Tag.objects.visible_to(user).filter(topic_count__gt=0)
        return list(tags.order_by("-topic_count", "pk")[:POPULAR])

    key = f"forum:tags:{'-'.join(visibilities_of(user))}"
    # A new tag may show up a minute late.
    return cache.get_or_set(key, read, timeout=60) or []


def liveliness(user: Person) -> dict[str, int]:
    """Return how much is going on where ``user`` may look; a minute old at most."""

    def read() -> dict[str, int]:
        topics = Topic.objects.visible_to(user).listed()
        is_question = Q(kind=Topic.Kind.QUESTION)
        counts = topics.aggregate(
            topic_count=Count("pk"),
            reply_count=Coalesce(Sum("reply_count"), 0),
            question_count=Count("pk", filter=is_question),
            solved_count=Count("pk", filter=is_question & Q(solution__isnull=False)),
        )
        askers = topics.order_by().values("author_id")
        posters = topics.order_by().values("last_poster_id")
        counts["people_count"] = askers.union(posters).count()
        return counts

    key = f"forum:liveliness:{'-'.join(visibilities_of(user))}"
    # The minute said above.
    return cache.get_or_set(key, read, timeout=60) or {}


def quoted(topic: Topic, *, user: Person, number: int) -> str:
    """Return a post of ``topic`` as a quotation; nothing of one out of sight."""
    visible = Post.objects.visible_to(user).filter(topic=topic, hidden_at=None)
    post = visible.select_related("author").filter(number=number).first()
    if post is None:
        return ""
    lines = post.source_md.strip().splitlines()[:MAX_QUOTED]
    quotation = "\n".join(f"> {line}".rstrip() for line in lines)
    return f"> @{post.author.username}:\n>\n{quotation}\n\n"


def reader_of(topic: Topic, user: Person) -> TopicUser | None:
    """Return how far ``user`` has read, if they have been here."""
    if not isinstance(user, User):
        return None
    return TopicUser.objects.filter(topic=topic, user=user).first()


def _votes_of(user: Person, posts: Sequence[Post]) -> dict[int, int]:
    if not user.is_authenticated:
        return {}
    mine = Vote.objects.filter(user_id=user.pk, post__in=posts)
    return dict(mine.values_list("post_id", "value"))
