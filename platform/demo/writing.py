"""Writing a script down: the rows its actions would have left, in bulk.

Everything is worked out in memory, in the order of the script, with the rules of
the services that ``tests/demo/playing.py`` calls. A rule that changes there shows in
the tests.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain

from django.db import connection
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.queries import usernames_among
from community.forum.models import (
    Category,
    Post,
    PostRevision,
    Tag,
    Topic,
    TopicTag,
    TopicUser,
    Vote,
)
from community.forum.notices import MAX_MENTIONS
from community.forum.services.writing import GRACE, MAX_TAGS, locale_of
from community.forum.tagging import tag_names, tag_slug
from community.reputation.models import Balance, Entry
from community.reputation.services import DAILY_CAP, RULES, UNCAPPED
from contracts.community import AnswerAccepted, ReplyPosted, TopicCreated, VoteCast
from demo.copying import copy_models, copy_rows, reserve_ids
from demo.facts import Facts
from demo.script import Accept, Action, Cast, Edit, Open, Reply
from design import markdown
from notifications.models import Kind, Notification
from search import services as search

BATCH = 2_000


@dataclass(slots=True)
class Shown:
    """A topic while it grows, with what belongs to it."""

    topic: Topic
    category: Category
    opening: Post
    tags: tuple[str, ...]
    solution: Post | None = None
    # Who takes part, in the order they came, and the last post each wrote.
    readers: dict[int, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.topic.get_absolute_url()


class Writer:
    """Turns the actions of a script into rows."""

    def __init__(self, facts: Facts, people: dict[int, User]) -> None:
        self.facts = facts
        self.people = people
        self.named = {user.username: user for user in people.values()}
        self.topics: dict[int, Shown] = {}
        self.posts: dict[int, Post] = {}
        self.homes: dict[int, Shown] = {}
        self.votes: list[Vote] = []
        self.entries: list[Entry] = []
        self.revisions: list[PostRevision] = []
        self.notifications: dict[tuple[int, str], Notification] = {}
        self.points: dict[int, int] = defaultdict(int)
        self.earned: dict[tuple[int, date], int] = defaultdict(int)

    def write(
        self, actions: list[Action], on_action: Callable[[], None]
    ) -> dict[int, Topic]:
        """Write what ``actions`` leave; return the topics by their number there."""
        opened = [action for action in actions if isinstance(action, Open)]
        said = [action for action in actions if isinstance(action, Open | Reply)]
        topic_ids = iter(reserve_ids(Topic, len(opened)))
        post_ids = iter(reserve_ids(Post, len(said)))
        for action in actions:
            match action:
                case Open():
                    self._open(action, next(topic_ids), next(post_ids))
                case Reply():
                    self._reply(action, next(post_ids))
                case Cast():
                    self._vote(action)
                case Accept():
                    self._accept(action)
                case Edit():
                    self._edit(action)
            on_action()
        self._save()
        return {number: shown.topic for number, shown in self.topics.items()}

    # What each action does.

    def _open(self, action: Open, topic_id: int, post_id: int) -> None:
        topic = Topic(
            id=topic_id,
            category_id=action.category.pk,
            kind=action.kind,
            title=" ".join(action.title.split()),
            author_id=action.author.pk,
            locale=locale_of(f"{action.title} {action.text}"),
            highest_number=1,
            last_poster_id=action.author.pk,
            bumped_at=action.moment,
            created_at=action.moment,
        )
        post = _post(post_id, topic_id, 1, action.author, action.text, action.moment)
        shown = Shown(topic, action.category, post, _labels(action.tags))
        shown.readers[action.author.pk] = 1
        self.topics[action.topic] = shown
        self._keep(action.post, post, shown)
        self._tell_mentioned(post, shown, action.author)
        self.facts.publish(
            TopicCreated(
                topic_id=topic_id,
                author_id=action.author.pk,
                category_id=action.category.pk,
                kind=action.kind,
            ),
            moment=action.moment,
        )

    def _reply(self, action: Reply, post_id: int) -> None:
        shown = self.topics[action.topic]
        topic = shown.topic
        topic.highest_number += 1
        topic.reply_count += 1
        topic.last_poster_id = action.author.pk
        topic.bumped_at = action.moment
        post = _post(
            post_id,
            topic.pk,
            topic.highest_number,
            action.author,
            action.text,
            action.moment,
        )
        self._keep(action.post, post, shown)
        shown.readers[action.author.pk] = post.number
        self._tell_of_reply(post, shown, action.author)
        self.facts.publish(
            ReplyPosted(
                post_id=post_id,
                topic_id=topic.pk,
                author_id=action.author.pk,
                topic_author_id=topic.author_id,
                is_answer=topic.is_question,
            ),
            moment=action.moment,
        )

    def _vote(self, action: Cast) -> None:
        post, topic = self.posts[action.post], self.homes[action.post].topic
        self.votes.append(
            Vote(
                user_id=action.by.pk,
                post_id=post.pk,
                value=action.value,
                voted_at=action.moment,
            )
        )
        post.vote_score += action.value
        if post.is_opening:
            topic.vote_score += action.value
        upvoted = "question_upvoted" if post.is_opening else "answer_upvoted"
        self._award(
            post.author_id,
            upvoted if action.value > 0 else "post_downvoted",
            post=post,
            key=f"vote:{post.pk}:{action.by.pk}:1",
            by=action.by,
            moment=action.moment,
        )
        self.facts.publish(
            VoteCast(
                post_id=post.pk,
                author_id=post.author_id,
                voter_id=action.by.pk,
                value=action.value,
            ),
            moment=action.moment,
        )

    def _accept(self, action: Accept) -> None:
        post, shown = self.posts[action.post], self.homes[action.post]
        topic = shown.topic
        topic.solution_id, topic.solved_at = post.pk, action.moment
        shown.solution = post
        if post.author_id != topic.author_id:
            self._award(
                post.author_id,
                "answer_accepted",
                post=post,
                key=f"accepted:{topic.pk}:{post.pk}:1",
                by=action.by,
                moment=action.moment,
            )
        author = self.people[post.author_id]
        self._notify(
            author,
            Kind.ANSWER_ACCEPTED,
            key=f"accepted:{topic.pk}:{post.pk}",
            url=f"{shown.url}?n={post.number}#post-{post.number}",
            title=_in(author, ACCEPTED) % {"topic": topic.title},
            about=post,
            by=action.by,
            moment=action.moment,
        )
        self.facts.publish(
            AnswerAccepted(
                answer_id=post.pk,
                topic_id=topic.pk,
                author_id=post.author_id,
                accepted_by_id=action.by.pk,
            ),
            moment=action.moment,
        )

    def _edit(self, action: Edit) -> None:
        post, topic = self.posts[action.post], self.homes[action.post].topic
        is_slip = (
            action.by.pk == post.author_id and action.moment - post.created_at < GRACE
        )
        if not is_slip:
            earlier = [row for row in self.revisions if row.post_id == post.pk]
            self.revisions.append(
                PostRevision(
                    post_id=post.pk,
                    number=len(earlier) + 1,
                    editor_id=action.by.pk,
                    source_md=post.source_md,
                    title=topic.title if post.is_opening else "",
                    reason=action.reason[:200],
                    created_at=action.moment,
                )
            )
            post.edited_at = action.moment
        _render(post, action.text)
        if post.is_opening and action.title:
            topic.title = action.title

    # Points and messages.

    def _award(
        self,
        user_id: int,
        reason: str,
        *,
        post: Post,
        key: str,
        by: User,
        moment: datetime,
    ) -> None:
        delta = RULES[reason]
        day = (user_id, moment.astimezone(UTC).date())
        self.points[user_id] += 0
        if delta > 0 and reason not in UNCAPPED:
            delta = min(delta, DAILY_CAP - self.earned[day])
            if delta <= 0:
                return
            self.earned[day] += delta
        self.points[user_id] += delta
        self.entries.append(
            Entry(
                user_id=user_id,
                delta=delta,
                reason=reason,
                source_kind="post",
                source_id=post.pk,
                actor_id=by.pk,
                idem_key=key,
                created_at=moment,
            )
        )

    def _tell_mentioned(self, post: Post, shown: Shown, by: User) -> set[int]:
        """Tell those a post calls by name; return whom it need not tell again."""
        told = {post.author_id}
        for name in _mentioned(post.source_md):
            user = self.named[name]
            if user.pk not in told:
                told.add(user.pk)
                self._tell(user, Kind.MENTION, post, shown, by)
        return told

    def _tell_of_reply(self, post: Post, shown: Shown, by: User) -> None:
        told = self._tell_mentioned(post, shown, by)
        for user_id in shown.readers:
            if user_id not in told:
                is_asker = user_id == shown.topic.author_id
                kind = Kind.REPLY if is_asker else Kind.WATCHED
                self._tell(self.people[user_id], kind, post, shown, by)

    def _tell(self, user: User, kind: str, post: Post, shown: Shown, by: User) -> None:
        is_mention = kind == Kind.MENTION
        title = _in(user, MENTIONED if is_mention else REPLIED)
        self._notify(
            user,
            kind,
            key=f"{'mention' if is_mention else 'topic'}:{shown.topic.pk}",
            url=f"{shown.url}?n={post.number}#post-{post.number}",
            title=title % {"name": by.name, "topic": shown.topic.title},
            body=post.plain[:500],
            about=post,
            by=by,
            moment=post.created_at,
        )

    def _notify(
        self,
        user: User,
        kind: str,
        *,
        key: str,
        url: str,
        title: str,
        about: Post,
        by: User,
        moment: datetime,
        body: str = "",
    ) -> None:
        if by.pk == user.pk:
            return
        present = self.notifications.get((user.pk, key))
        if present is not None:
            present.count += 1
            present.title = title[:300]
            present.body = body
            present.actor_id = by.pk
            present.about_id = about.pk
            present.created_at = moment
            return
        self.notifications[user.pk, key] = Notification(
            user_id=user.pk,
            kind=kind,
            dedupe_key=key,
            url=url,
            title=title[:300],
            body=body,
            actor_id=by.pk,
            about_kind="post",
            about_id=about.pk,
            created_at=moment,
        )

    # Writing it all.

    def _keep(self, number: int, post: Post, shown: Shown) -> None:
        self.posts[number] = post
        self.homes[number] = shown

    def _save(self) -> None:
        everything = list(self.topics.values())
        copy_models([shown.topic for shown in everything])
        copy_models(list(self.posts.values()))
        copy_models(self.revisions)
        copy_models(self.votes)
        copy_models(self.entries)
        copy_models(list(self.notifications.values()))
        copy_models(
            [
                TopicUser(
                    user_id=user_id,
                    topic_id=shown.topic.pk,
                    last_read_number=number,
                    level=TopicUser.Level.WATCHING,
                )
                for shown in everything
                for user_id, number in shown.readers.items()
            ]
        )
        self._save_tags(everything)
        self._save_counts(everything)
        self._save_points()
        self._index(everything)

    def _save_tags(self, everything: list[Shown]) -> None:
        names = dict.fromkeys(chain.from_iterable(shown.tags for shown in everything))
        tags = {}
        for name in names:
            tags[name], _is_new = Tag.objects.get_or_create(
                slug=tag_slug(name), defaults={"name": name[:40]}
            )
        used: dict[int, int] = defaultdict(int)
        links = []
        for shown in everything:
            for name in shown.tags:
                used[tags[name].pk] += 1
                links.append(
                    TopicTag(
                        topic_id=shown.topic.pk,
                        tag_id=tags[name].pk,
                        bumped_at=shown.topic.bumped_at,
                    )
                )
        copy_models(links)
        for pk, count in used.items():
            Tag.objects.filter(pk=pk).update(topic_count=F("topic_count") + count)

    def _save_counts(self, everything: list[Shown]) -> None:
        held: dict[int, int] = defaultdict(int)
        for shown in everything:
            held[shown.category.pk] += 1
        for pk, count in held.items():
            Category.objects.filter(pk=pk).update(topic_count=F("topic_count") + count)

    def _save_points(self) -> None:
        present = set(
            Balance.objects.filter(pk__in=self.points).values_list("pk", flat=True)
        )
        copy_rows(
            Balance._meta.db_table,  # noqa: SLF001 - Django documents it
            ["user_id", "points"],
            ((pk, sum_) for pk, sum_ in self.points.items() if pk not in present),
        )
        for pk in present:
            Balance.objects.filter(pk=pk).update(points=F("points") + self.points[pk])

    def _index(self, everything: list[Shown]) -> None:
        for first in range(0, len(everything), BATCH):
            search.index(_entry(shown) for shown in everything[first : first + BATCH])
        with connection.cursor() as cursor:
            for table in ("forum_topic", "forum_post", "search_indexentry"):
                cursor.execute(f"ANALYZE {table}")


ACCEPTED = "Your answer was accepted: %(topic)s"
MENTIONED = "%(name)s mentioned you: %(topic)s"
REPLIED = "%(name)s replied: %(topic)s"


@lru_cache(maxsize=100)
def _translated(locale: str, sentence: str) -> str:
    with translation.override(locale):
        return _(sentence)


def _in(user: User, sentence: str) -> str:
    """Return one of the forum's own sentences in ``user``'s language."""
    return _translated(user.locale or "en", sentence)


def _post(
    pk: int, topic_id: int, number: int, author: User, text: str, moment: datetime
) -> Post:
    post = Post(
        id=pk,
        topic_id=topic_id,
        number=number,
        author_id=author.pk,
        created_at=moment,
    )
    _render(post, text)
    return post


def _render(post: Post, text: str) -> None:
    # Only ids of headings and footnotes depend on where a post stands.
    prefix = f"post-{post.number}" if "#" in text or "[^" in text else ""
    rendered = (
        # Whom a text calls depends on who is there.
        markdown.render(text, id_prefix=prefix, top_level=3, people=usernames_among)
        if "@" in text
        else _rendered(text, prefix)
    )
    post.source_md = text
    post.html = rendered.html
    post.plain = rendered.plain
    post.render_version = rendered.version


@lru_cache(maxsize=100_000)
def _rendered(text: str, prefix: str) -> markdown.Rendered:
    return markdown.render(text, id_prefix=prefix, top_level=3)


def _mentioned(text: str) -> tuple[str, ...]:
    if "@" not in text:
        return ()
    return markdown.mentioned(text, usernames_among)[:MAX_MENTIONS]


def _labels(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return a topic's tags in the order in which the forum creates them."""
    return tuple(sorted(tag_names(tags)[:MAX_TAGS], key=tag_slug))


def _entry(shown: Shown) -> search.Entry:
    """Return a topic's entry of the search index, as the forum's own is."""
    solution = shown.solution
    return search.Entry(
        kind="topic",
        object_id=shown.topic.pk,
        url=shown.url,
        title=shown.topic.title,
        text=f"{solution.plain if solution else ''}\n{shown.opening.plain}".strip(),
        audience=shown.category.visibility,
        labels=("solved",) if solution else (),
        boost=1.1 if solution else 0.9,
    )
