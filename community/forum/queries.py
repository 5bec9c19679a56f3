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
from community.forum.permissions import can_hide, can_moderate, can_restore
from core.clock import now
from edge.pagination import CursorPage, paginate
from search.finding import Hit, with_like_title

SORTS: dict[str, Promise] = {
    "latest": _("Latest"),
    "hot": _("Hot"),
    "top": _("Top"),
    "unanswered": _("Unanswered"),
    "unread": _("Unread"),
    "mine": _("Mine"),
}
WITHOUT_SIGN_IN = ("latest", "hot", "top", "unanswered")
# What the best topics are the best of, and how many days that is.
PERIODS: dict[str, Promise] = {
    "all": _("Of all time"),
    "year": _("This year"),
    "month": _("This month"),
    "week": _("This week"),
    "day": _("Today"),
}
# Whole days back from now, as the calendar has them.
DAYS = {"year": 365, "month": 30, "week": 7, "day": 1}
# The column each list is sorted by; a tag's link carries the same.
SORTED_BY = {
    "latest": "bumped_at",
    "hot": "hot_score",
    "top": "vote_score",
    "unanswered": "created_at",
    "unread": "bumped_at",
    "mine": "bumped_at",
}
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
    last_read: int = 0

    @property
    def url(self) -> str:
        """Where to go on reading: at what is unread, or at the top."""
        address = self.topic.get_absolute_url()
        return f"{address}?n={self.last_read + 1}#unread" if self.unread else address


@dataclass(slots=True)
class PostRow:
    """A post as its topic shows it."""

    post: Post
    my_vote: int = 0
    is_solution: bool = False
    # Of one's own, without being of the team: that has other buttons.
    may_delete: bool = False
    may_restore: bool = False


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
    period: str = "all",
) -> CursorPage[Topic]:
    """Return one page of a list; ``period`` bounds the best. Raises ``BadCursor``.

    Each reads an index of its own that begins with the category or the tag.
    """
    topics = topics.listed().select_related("category", "author", "last_poster")
    narrowed = Q()
    # Of a tag's list the link is asked, so that a rare tag reads its own index only.
    place = "topic_tags__" if tag else ""
    if tag is not None:
        narrowed &= Q(topic_tags__tag=tag)
    if sort == "top" and period in DAYS:
        since = now() - timedelta(days=DAYS[period])
        narrowed &= Q(**{f"{place}created_at__gte": since})
    elif sort == "unanswered":
        is_open = Q(topic_tags__is_open=True) if tag else Q()
        narrowed &= is_open & Q(kind=Topic.Kind.QUESTION, solution=None)
    elif sort == "mine" and user.is_authenticated:
        narrowed &= Q(author_id=user.pk)
    elif sort == "unread" and user.is_authenticated:
        narrowed &= Q(
            readers__user_id=user.pk,
            readers__last_read_number__lt=F("highest_number"),
            # In the same filter: another user's muting is not the reader's.
            readers__level__in=[TopicUser.Level.NORMAL, TopicUser.Level.WATCHING],
        )
    topics = topics.filter(narrowed)
    column = SORTED_BY[sort]
    if tag is not None:
        # A name of its own, so that no cursor of another list fits.
        topics = topics.annotate(**{f"tagged_{sort}": F(f"topic_tags__{column}")})
        column = f"tagged_{sort}"
    return paginate(topics, order_by=(f"-{column}", "-pk"), cursor=cursor)


def rows_of(topics: Sequence[Topic], *, user: Person) -> list[TopicRow]:
    """Return topics with their tags and what is unread: three queries for any number.

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
            row.last_read = reader.last_read_number
            row.unread = max(0, row.topic.highest_number - reader.last_read_number)
        _leave_out_hidden([row for row in rows.values() if row.unread])
    return list(rows.values())


def names_of(topic: Topic) -> list[str]:
    """Return the tags of a topic, by name."""
    return list(topic.tags.order_by("name").values_list("name", flat=True))


def _leave_out_hidden(rows: Sequence[TopicRow]) -> None:
    """Take from what is unread what nobody may read."""
    if not rows:
        return
    unread = {row.topic.pk: row for row in rows}
    hidden = Post.objects.filter(topic__in=unread, hidden_at__isnull=False)
    for topic_id, number in hidden.values_list("topic_id", "number"):
        row = unread[topic_id]
        if number > row.last_read:
            row.unread = max(0, row.unread - 1)


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
        if not can_moderate(user):
            row.may_delete = can_hide(user, row.post)
            row.may_restore = bool(row.post.hidden_at) and can_restore(user, row.post)
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
        tags = Tag.objects.visible_to(user)
        return list(tags.order_by(F("shown_count").desc(), "pk")[:POPULAR])

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
