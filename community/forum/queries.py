"""Reading lists of topics, and what stands beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.core.cache import cache
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.models import (
    Category,
    MovedPost,
    Person,
    PlaceWatch,
    Post,
    Tag,
    Topic,
    TopicQuerySet,
    TopicTag,
    TopicTemplate,
    TopicUser,
    WatchLevel,
    visibilities_of,
)
from community.forum.permissions import can_moderate
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
# What ideas are sorted by.
IDEA_SORTS: dict[str, Promise] = {
    "top": _("Most wished for"),
    "newest": _("Newest"),
}
IDEAS_SORTED_BY = {"top": "vote_score", "newest": "created_at"}
ICONS: dict[str, str] = {
    Topic.Kind.IDEA: "lightbulb",
    Topic.Kind.ANNOUNCEMENT: "scroll-text",
}
# What is older than a week is not unread but missed.
NEW_FOR = timedelta(days=7)
# As many as fit beside a topic without a second look.
RELATED = 5
# Two rows on a telephone.
POPULAR = 12


class Among(Func):
    """Whether a key is one of an array, which is read first and as a whole.

    Joined, PostgreSQL would rather walk down the latest of all topics until it met
    enough of the reader's, which may be the oldest.
    """

    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


@dataclass(slots=True)
class TopicRow:
    """A topic as a list shows it."""

    topic: Topic
    tags: list[Tag] = field(default_factory=list)
    unread: int = 0
    is_new: bool = False
    last_read: int = 0

    @property
    def icon_name(self) -> str:
        """The drawing of kinds that are neither asked nor talked about."""
        return ICONS.get(self.topic.kind, "")

    @property
    def votes(self) -> int | None:
        """How many wish for an idea; of other kinds the list says nothing."""
        return self.topic.vote_score if self.topic.is_idea else None

    @property
    def url(self) -> str:
        """Where to go on reading: at what is unread, or at the top."""
        address = self.topic.get_absolute_url()
        return f"{address}?n={self.last_read + 1}#unread" if self.unread else address


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
        topics = topics.filter(Among(F("pk"), ArraySubquery(_unread_by(user.pk or 0))))
    topics = topics.filter(narrowed)
    column = SORTED_BY[sort]
    if tag is not None:
        # A name of its own, so that no cursor of another list fits.
        topics = topics.annotate(**{f"tagged_{sort}": F(f"topic_tags__{column}")})
        column = f"tagged_{sort}"
    return paginate(topics, order_by=(f"-{column}", "-pk"), cursor=cursor)


def _unread_by(person: int) -> QuerySet[TopicUser, int]:
    """Return the topics a person began to read and did not finish, by their keys.

    Where only hidden posts came after the last visit, nothing is unread.
    """
    begun = TopicUser.objects.filter(
        user_id=person, last_read_number__lt=F("topic__highest_number")
    )
    shown = Post.objects.filter(
        topic=OuterRef("topic"),
        number__gt=OuterRef("last_read_number"),
        hidden_at=None,
    )
    begun = begun.exclude(level=TopicUser.Level.MUTED).filter(Exists(shown))
    return begun.values_list("topic", flat=True)


def list_ideas(
    topics: TopicQuerySet, *, state: str, sort: str, cursor: str | None
) -> CursorPage[Topic]:
    """Return one page of the ideas in a state. Raises ``BadCursor``.

    Each order reads an index that begins with the state, or with category and state.
    """
    ideas = topics.listed().filter(kind=Topic.Kind.IDEA, idea_state=state)
    return paginate(
        ideas.select_related("category", "author", "last_poster"),
        order_by=(f"-{IDEAS_SORTED_BY[sort]}", "-pk"),
        cursor=cursor,
    )


def template_for(category: Category, kind: str) -> str:
    """Return what a topic of ``kind`` begins with in ``category``, or nothing."""
    found = TopicTemplate.objects.filter(category=category, kind=kind).first()
    return found.localised_text if found else ""


def rows_of(topics: Sequence[Topic], *, user: Person) -> list[TopicRow]:
    """Return topics with their tags and what is unread: four queries for any number.

    New is what appeared after the reader came to the forum and was never opened; in
    what they track or watch it stays new, whatever its age.
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
        assert isinstance(user, User)  # noqa: S101 - has signed in
        tracked = _tracked_since(user)
        for row in rows.values():
            places = [
                ("c", row.topic.category_id),
                *(("t", tag.pk) for tag in row.tags),
            ]
            chosen = [tracked[place] for place in places if place in tracked]
            since = min([max(recent, user.date_joined), *chosen])
            row.is_new = row.topic.created_at > since
        for reader in TopicUser.objects.filter(topic__in=rows, user_id=user.pk):
            row = rows[reader.topic_id]
            row.is_new = False
            row.last_read = reader.last_read_number
            row.unread = max(0, row.topic.highest_number - reader.last_read_number)
        _leave_out_hidden([row for row in rows.values() if row.unread])
    return list(rows.values())


def without_muted(topics: TopicQuerySet, user: Person) -> TopicQuerySet:
    """Leave out topics in categories and under tags that ``user`` muted."""
    if not user.is_authenticated:
        return topics
    muted = PlaceWatch.objects.filter(user_id=user.pk, level=WatchLevel.MUTED)
    under = TopicTag.objects.filter(
        topic=OuterRef("pk"), tag__in=muted.filter(tag__isnull=False).values("tag")
    )
    places = muted.filter(category__isnull=False).values("category")
    return topics.exclude(category__in=places).exclude(Exists(under))


def _tracked_since(user: User) -> dict[tuple[str, int], datetime]:
    """Return since when ``user`` follows categories (c) and tags (t) closely."""
    followed = PlaceWatch.objects.filter(
        user_id=user.pk,
        level__in=[WatchLevel.TRACKING, WatchLevel.WATCHING],
    )
    return {
        ("c", category) if category else ("t", tag): at
        for category, tag, at in followed.values_list("category", "tag", "chosen_at")
    }


def names_of(topic: Topic) -> list[str]:
    """Return the tags of a topic, by name."""
    return list(topic.tags.order_by("name").values_list("name", flat=True))


def _leave_out_hidden(rows: Sequence[TopicRow]) -> None:
    """Take from what is unread what nobody may read, or reads elsewhere by now."""
    if not rows:
        return
    unread = {row.topic.pk: row for row in rows}
    hidden = Post.objects.filter(topic__in=unread, hidden_at__isnull=False)
    gone = MovedPost.objects.filter(topic__in=unread)
    places = ("topic_id", "number")
    for topic_id, number in hidden.values_list(*places).union(
        gone.values_list(*places)
    ):
        row = unread[topic_id]
        if number > row.last_read:
            row.unread = max(0, row.unread - 1)


def pinned_topics(topics: QuerySet[Topic]) -> list[Topic]:
    """Return what stays on top of a list, outside its pages: the last five pinned.

    Pins whose time is over stay in the index; there are a few dozen a year.
    """
    standing = Q(pinned_until=None) | Q(pinned_until__gt=now())
    pinned = topics.filter(standing, pinned_at__isnull=False, hidden_at=None)
    return list(
        pinned.select_related("category", "author", "last_poster").order_by(
            "-pinned_at"
        )[:5]
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


def sidebar_of(user: Person) -> dict[str, object]:
    """Return what stands beside every list of topics."""
    return {
        "categories": Category.objects.visible_to(user),
        "popular_tags": popular_tags(user),
        "can_moderate": can_moderate(user),
        "sidebar_title": _("Categories and tags"),
    }
