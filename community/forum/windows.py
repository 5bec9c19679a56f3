"""Reading one topic for its page: posts, and what the reader did with them.

Every function costs the same queries whatever the number of posts, comments and
reactions there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.utils.functional import Promise

from accounts.models import User
from community.forum.models import (
    Bookmark,
    Comment,
    Person,
    Post,
    Reaction,
    ReactionCount,
    Topic,
    TopicUser,
    Vote,
)
from community.forum.permissions import (
    can_comment,
    can_edit_comment,
    can_hide,
    can_hide_comment,
    can_moderate,
    can_restore,
    can_restore_comment,
    comments_anywhere,
)
from community.forum.polls import PollRow, poll_rows
from edge.pagination import paginate

# In posts; Discourse shows twenty and fetches the next by itself.
WINDOW = 30
# In lines; a longer quotation hides the answer under it.
MAX_QUOTED = 40
# Under each post, the latest; Stack Overflow shows five, too, and a link to the rest.
COMMENTS = 5
ICONS = {
    Reaction.Kind.THANKS: "heart",
    Reaction.Kind.CONFIRM: "circle-check",
    Reaction.Kind.CELEBRATE: "party-popper",
    Reaction.Kind.INSIGHT: "lightbulb",
    Reaction.Kind.PUZZLED: "circle-question-mark",
}


@dataclass(slots=True)
class CommentRow:
    """A comment as its post shows it."""

    comment: Comment
    may_edit: bool = False
    may_hide: bool = False
    may_restore: bool = False


@dataclass(frozen=True, slots=True)
class ReactionRow:
    """A kind of reaction: how many there are, and whether the reader's is one."""

    kind: str
    label: str | Promise
    icon: str
    count: int
    is_mine: bool


@dataclass(slots=True)
class PostRow:
    """A post as its topic shows it."""

    post: Post
    my_vote: int = 0
    is_solution: bool = False
    # Of one's own, without being of the team: that has other buttons.
    may_delete: bool = False
    may_restore: bool = False
    may_comment: bool = False
    comments: list[CommentRow] = field(default_factory=list)
    reactions: list[ReactionRow] = field(default_factory=list)
    bookmark: Bookmark | None = None
    poll: PollRow | None = None

    @property
    def has_more_comments(self) -> bool:
        """Tell whether only the latest comments are here."""
        return self.post.comment_count > len(self.comments)

    @property
    def counted_reactions(self) -> list[ReactionRow]:
        """The kinds that were chosen at least once."""
        return [row for row in self.reactions if row.count]


@dataclass(slots=True)
class TopicWindow:
    """The posts of one page of a topic, and where the neighbours begin.

    In the order of votes the neighbours are cursors, otherwise numbers of posts.
    """

    opening: PostRow | None
    solution: PostRow | None
    posts: list[PostRow]
    previous_number: int | None = None
    next_number: int | None = None
    previous_cursor: str = ""
    next_cursor: str = ""

    @property
    def rows(self) -> list[PostRow]:
        """Every post on the page, each once."""
        found = {
            row.post.pk: row
            for row in (self.opening, self.solution, *self.posts)
            if row is not None
        }
        return list(found.values())


def window_of(topic: Topic, *, user: Person, around: int | None) -> TopicWindow:
    """Return a topic's posts from ``around`` on, with what the reader did with them.

    The first post and the solution come with every window.
    """
    start = max(2, around or 2)
    wanted = Q(number__gte=start) & Q(number__lt=start + WINDOW)
    always = Q(number=1) | Q(pk=topic.solution_id)
    posts = _posts(topic, user).filter(wanted | always).order_by("number")
    rows = rows_of_posts(list(posts), topic=topic, user=user)
    has_more = topic.highest_number >= start + WINDOW
    return TopicWindow(
        opening=next((row for row in rows if row.post.is_opening), None),
        solution=next((row for row in rows if row.is_solution), None),
        posts=[row for row in rows if start <= row.post.number < start + WINDOW],
        previous_number=max(2, start - WINDOW) if start > 2 else None,
        next_number=start + WINDOW if has_more else None,
    )


def best_window_of(topic: Topic, *, user: Person, cursor: str) -> TopicWindow:
    """Return a topic's posts from the most useful on. Raises ``BadCursor``.

    Of two with as many votes the older comes first.
    """
    visible = _posts(topic, user)
    page = paginate(
        visible.filter(number__gt=1),
        order_by=("-vote_score", "number"),
        cursor=cursor,
        page_size=WINDOW,
    )
    always = Q(number=1) | Q(pk=topic.solution_id)
    posts = {post.pk: post for post in (*visible.filter(always), *page.items)}
    rows = {
        row.post.pk: row
        for row in rows_of_posts(list(posts.values()), topic=topic, user=user)
    }
    return TopicWindow(
        opening=next((row for row in rows.values() if row.post.is_opening), None),
        solution=next((row for row in rows.values() if row.is_solution), None),
        posts=[rows[post.pk] for post in page.items],
        previous_cursor=page.previous_cursor,
        next_cursor=page.next_cursor,
    )


def rows_of_posts(
    posts: Sequence[Post], *, topic: Topic, user: Person
) -> list[PostRow]:
    """Return posts of one topic with votes, comments, reactions and bookmarks."""
    rows = {
        post.pk: PostRow(post, is_solution=post.pk == topic.solution_id)
        for post in posts
    }
    anywhere = comments_anywhere(user)
    for row in rows.values():
        row.post.topic = topic
        row.may_comment = can_comment(user, row.post, anywhere=anywhere)
        if not can_moderate(user):
            row.may_delete = can_hide(user, row.post)
            row.may_restore = bool(row.post.hidden_at) and can_restore(user, row.post)
    _add_comments(rows, user)
    _add_reactions(rows, user)
    _add_polls(rows, user)
    if user.is_authenticated:
        mine = Vote.objects.filter(user_id=user.pk, post__in=rows)
        for post_id, value in mine.values_list("post_id", "value"):
            rows[post_id].my_vote = value
        for bookmark in Bookmark.objects.filter(user_id=user.pk, post__in=rows):
            rows[bookmark.post_id].bookmark = bookmark
    return list(rows.values())


def comment_row(comment: Comment, *, user: Person) -> CommentRow:
    """Return a comment with what ``user`` may do to it."""
    return CommentRow(
        comment,
        may_edit=can_edit_comment(user, comment),
        may_hide=can_hide_comment(user, comment),
        may_restore=can_restore_comment(user, comment),
    )


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


def _posts(topic: Topic, user: Person) -> QuerySet[Post]:
    """The posts a reader may see; each knows the keys of its latest comments."""
    comments = Comment.objects.filter(post=OuterRef("pk"))
    if not can_moderate(user):
        # Of the post and its topic the outer query knows already.
        comments = comments.filter(Q(hidden_at=None) | Q(author_id=user.pk))
    latest = comments.order_by("-number").values("pk")[:COMMENTS]
    visible = Post.objects.visible_to(user).filter(topic=topic)
    return visible.select_related("author", "poll").annotate(
        latest_comments=ArraySubquery(latest)
    )


def _add_comments(rows: dict[int, PostRow], user: Person) -> None:
    keys = [
        key
        for row in rows.values()
        for key in row.post.latest_comments  # type: ignore[attr-defined]
    ]
    if not keys:
        return
    comments = Comment.objects.filter(pk__in=keys).select_related("author")
    for comment in comments.order_by("number"):
        row = rows[comment.post_id]
        comment.post = row.post
        row.comments.append(comment_row(comment, user=user))


def _add_polls(rows: dict[int, PostRow], user: Person) -> None:
    polls = []
    for row in rows.values():
        # Read with the post, where there is one.
        poll = getattr(row.post, "poll", None)
        if poll is not None:
            poll.post = row.post
            polls.append(poll)
    for key, shown in poll_rows(polls, user=user).items():
        rows[key].poll = shown


def _add_reactions(rows: dict[int, PostRow], user: Person) -> None:
    counts: dict[tuple[int, str], int] = {}
    for each in ReactionCount.objects.filter(post__in=rows, count__gt=0):
        counts[each.post_id, each.kind] = each.count
    mine: set[tuple[int, str]] = set()
    if user.is_authenticated and counts:
        own = Reaction.objects.filter(user_id=user.pk, post__in=rows)
        mine = set(own.values_list("post_id", "kind"))
    for key, row in rows.items():
        row.reactions = [
            ReactionRow(
                kind=kind.value,
                label=kind.label,
                icon=ICONS[kind],
                count=counts.get((key, kind.value), 0),
                is_mine=(key, kind.value) in mine,
            )
            for kind in Reaction.Kind
        ]
