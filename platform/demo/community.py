"""What the demo's people ask, answer and vote: the script of the forum."""

import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from accounts.models import User
from community.contributions.github import Author, Merge
from community.contributions.services import record_merge
from community.forum.defaults import ensure_categories
from community.forum.models import Category, Topic
from demo.clock import at
from demo.rhythm import Rhythm
from demo.script import Accept, Action, Cast, Edit, Open, Reply, in_order
from demo.threads import CATEGORIES, Thread, book_of, composed, written

# So many of the newest threads are, mostly, ones written by hand.
NEWEST = 24
CHINESE = 0.18
UPDATES = (
    "**Update:** also true for 1.0.1, just checked.",
    "**Update:** solved, see the accepted answer.",
    "**Update:** I forgot to say that this is on Linux.",
)
UPDATES_ZH = (
    "**更新：**1.0.1 也是一样，刚验证过。",
    "**更新：**补充一下，环境是 Linux。",
)
REASONS = ("Say which version", "Make the code readable", "补充环境信息", "")
# Who asks what the documentation of the demo mentions, and how many days ago.
ASKERS = {
    "First call with the OpenAI SDK: which base_url?": ("ben", 2.0),
    "How do seats work in the Team plan?": ("erin", 71.0),
    "What happens when a payment fails?": ("erin", 20.0),
    "中文文档的检索效果如何？": ("chen", 60.0),
    "批量处理一千个问题，怎样不触发限流？": ("chen", 4.0),
    "We compared the assistant with our own search, 212 questions": ("ada", 5.0),
    "Office hours on Thursday: bring your questions": ("mod", 6.0),
    "What we hid last week": ("mod", 8.0),
    "Roadmap wishes for the next quarter": ("staff", 12.0),
    "下个季度最想要什么功能？": ("staff", 11.0),
}
PULLS = (
    ("ada", 41, "Docs: Say what happens when a stream is cancelled", 72),
    ("ada", 57, "gateway: Name the limit that was reached", 45),
    ("ada", 63, "Docs: Add a page on retries", 27),
    ("ada", 78, "forum: Keep the place after a vote", 6),
    ("chen", 49, "文档：补充中文检索的说明", 58),
    ("chen", 70, "文档：翻译自托管一章", 16),
    ("mod", 52, "Docs: Guidelines for moderators", 52),
    ("", 60, "keys: Sort by last use", 33),
    ("", 66, "Docs: Fix a typo in the quick start", 22),
    ("", 72, "usage: Say which days are UTC", 13),
    ("", 81, "Docs: An example for Go", 3),
)


@dataclass(slots=True)
class Company:
    """Everybody who may speak, in the order they signed up."""

    users: Sequence[User]
    characters: dict[str, User]
    joined: list[datetime] = field(init=False)
    chinese: list[User] = field(init=False)

    def __post_init__(self) -> None:
        self.users = sorted(self.users, key=lambda user: user.date_joined)
        self.joined = [user.date_joined for user in self.users]
        self.chinese = [user for user in self.users if user.locale == "zh-hans"]

    def somebody(
        self, moment: datetime, rng: random.Random, *, is_chinese: bool, power: float
    ) -> User | None:
        """Return somebody who is there at ``moment``; old hands speak more often."""
        if is_chinese:
            here: Sequence[User] = [
                user for user in self.chinese[:400] if user.date_joined < moment
            ]
            return here[int(len(here) * rng.random() ** power)] if here else None
        there = bisect(self.joined, moment)
        return self.users[int(there * rng.random() ** power)] if there else None


def create_categories() -> dict[str, Category]:
    """Create the parts of the forum, those included that not everybody sees."""
    ensure_categories()
    for slug, name, name_zh, visibility in CATEGORIES:
        Category.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "name_zh": name_zh,
                "visibility": visibility,
                "position": Category.objects.count(),
            },
        )
    return {category.slug: category for category in Category.objects.all()}


def write_script(
    topics: int,
    replies: tuple[int, int],
    users: Sequence[User],
    characters: dict[str, User],
    rhythm: Rhythm,
    rng: random.Random,
) -> list[Action]:
    """Return all that is asked, answered, voted, accepted and corrected."""
    scribe = _Scribe(Company(users, characters), create_categories(), rhythm.end, rng)
    threads = _programme(topics, replies, rng)
    for moment, thread in zip(rhythm.moments(topics, rng), threads, strict=True):
        scribe.add(thread, moment)
    return in_order(scribe.actions)


def contribute(
    characters: dict[str, User], users: Sequence[User], end: datetime
) -> None:
    """Have pull requests merged, as GitHub reports them."""
    others = iter(users[3:40:9])
    for who, number, title, days in PULLS:
        user = characters[who] if who else next(others)
        moment = end - timedelta(days=days, minutes=13 * number)
        external_id, login = identity_of(user)
        with at(moment):
            author = Author(external_id, login)
            merge = Merge(
                repository_id=186853002,
                repository="doorstone/doorstone",
                number=number,
                title=title,
                url=f"https://github.com/doorstone/doorstone/pull/{number}",
                author=author,
                happened_at=moment,
            )
            record_merge(merge, author, at=moment)


def identity_of(user: User) -> tuple[str, str]:
    """Return the number and the name of somebody's GitHub account."""
    if user.username == "ada":
        return "21031067", "Codertocat"
    return str(40_000_000 + 101 * user.pk), user.username


def _programme(
    topics: int, replies: tuple[int, int], rng: random.Random
) -> list[Thread]:
    """Return the threads in their order: by hand where people look first."""
    by_hand = written()
    rng.shuffle(by_hand)
    by_hand = by_hand[:topics]
    streams = {
        is_chinese: composed(book_of(is_chinese=is_chinese), replies, rng)
        for is_chinese in (False, True)
    }
    programme = [
        next(streams[rng.random() < CHINESE]) for _ in range(topics - len(by_hand))
    ]
    newest = min(NEWEST, len(by_hand))
    for thread in by_hand[newest:]:
        programme.insert(rng.randrange(len(programme) + 1), thread)
    return programme + by_hand[:newest]


class _Scribe:
    """Turns threads into actions."""

    def __init__(
        self,
        cast: Company,
        categories: dict[str, Category],
        end: datetime,
        rng: random.Random,
    ) -> None:
        self.cast = cast
        self.categories = categories
        self.end = end
        self.rng = rng
        self.actions: list[Action] = []
        self.topics = count(1)
        self.posts = count(1)

    def add(self, thread: Thread, moment: datetime) -> None:
        """Write down one thread that begins at ``moment``, if there is anybody."""
        rng = self.rng
        asker, moment = self._asker(thread, moment)
        if asker is None:
            return
        topic, opening = next(self.topics), next(self.posts)
        self.actions.append(
            Open(
                moment=moment,
                topic=topic,
                post=opening,
                category=self.categories[thread.category],
                author=asker,
                title=thread.title,
                text=thread.text,
                kind=thread.kind,
                tags=thread.tags,
            )
        )
        said = [(opening, asker, moment, thread.text)]
        for line in thread.replies:
            moment += timedelta(minutes=int(rng.expovariate(1 / 190)) + 4)
            author = asker if line.is_asker else self._helper(thread, asker, moment)
            if moment >= self.end or author is None:
                break
            post = next(self.posts)
            self.actions.append(
                Reply(
                    moment=moment, topic=topic, post=post, author=author, text=line.text
                )
            )
            said.append((post, author, moment, line.text))
        self._react(thread, asker, said)

    def _react(
        self, thread: Thread, asker: User, said: list[tuple[int, User, datetime, str]]
    ) -> None:
        rng = self.rng
        for place, (post, author, moment, text) in enumerate(said):
            wanted = (2.2, 3.0, 1.2, 0.5)[min(place, 3)]
            self._vote(thread, post, author, moment, int(rng.expovariate(1 / wanted)))
            if rng.random() < 0.035:
                self._correct(thread, post, author, moment, text)
        if thread.kind == Topic.Kind.QUESTION and len(said) > 1 and rng.random() < 0.74:
            post, author, moment, _text = said[1]
            moment = max(moment, said[-1][2]) + timedelta(minutes=rng.randrange(3, 90))
            if moment < self.end and author.pk != asker.pk:
                self.actions.append(Accept(moment=moment, post=post, by=asker))

    def _vote(
        self, thread: Thread, post: int, author: User, moment: datetime, count: int
    ) -> None:
        rng = self.rng
        voted = {author.pk}
        for _ in range(count):
            moment += timedelta(minutes=int(rng.expovariate(1 / 300)) + 1)
            voter = self.cast.somebody(
                moment, rng, is_chinese=thread.is_chinese, power=1.3
            )
            if voter is None or voter.pk in voted or moment >= self.end:
                continue
            if thread.category == "staff" and not voter.is_staff:
                continue
            voted.add(voter.pk)
            value = -1 if rng.random() < 0.055 else 1
            self.actions.append(Cast(moment=moment, post=post, by=voter, value=value))

    def _correct(
        self, thread: Thread, post: int, author: User, moment: datetime, text: str
    ) -> None:
        rng = self.rng
        moment += timedelta(minutes=rng.randrange(6, 2_000))
        if moment >= self.end:
            return
        update = rng.choice(UPDATES_ZH if thread.is_chinese else UPDATES)
        self.actions.append(
            Edit(
                moment=moment,
                post=post,
                by=author,
                text=f"{text}\n\n{update}",
                reason=rng.choice(REASONS[2:] if thread.is_chinese else REASONS[:2]),
            )
        )

    def _asker(self, thread: Thread, moment: datetime) -> tuple[User | None, datetime]:
        known = ASKERS.get(thread.title)
        if known is not None:
            user = self.cast.characters[known[0]]
            moment = self.end - timedelta(days=known[1])
            return user, max(moment, user.date_joined + timedelta(minutes=40))
        if thread.category == "staff":
            return self.cast.characters["staff"], max(
                moment, self.cast.characters["mod"].date_joined
            )
        somebody = self.cast.somebody(
            moment, self.rng, is_chinese=thread.is_chinese, power=0.9
        )
        return somebody or self.cast.characters["ada"], max(
            moment, self.cast.characters["ada"].date_joined + timedelta(minutes=9)
        )

    def _helper(self, thread: Thread, asker: User, moment: datetime) -> User | None:
        rng = self.rng
        characters = self.cast.characters
        if thread.category == "staff":
            chosen: list[User | None] = [characters["staff"], characters["mod"]]
        elif rng.random() < (0.16 if len(self.cast.users) < 1_000 else 0.02):
            names = (
                ("chen", "chen", "ada") if thread.is_chinese else ("ada", "ada", "mod")
            )
            chosen = [characters[rng.choice(names)]]
        else:
            chosen = [
                self.cast.somebody(moment, rng, is_chinese=thread.is_chinese, power=2.0)
                for _ in range(3)
            ]
        return next(
            (
                user
                for user in chosen
                if user is not None
                and user.pk != asker.pk
                and user.date_joined < moment
            ),
            None,
        )
