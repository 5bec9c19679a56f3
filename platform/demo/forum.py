"""What the demo's people ask, answer and vote, done through the forum's services."""

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts.models import User
from community.forum import services as forum
from community.forum.defaults import ensure_categories, ensure_category
from community.forum.models import Category, Post, Topic, Visibility
from demo import storybook
from demo.calendar import Calendar
from demo.people import Company, Person
from demo.rhythm import Rhythm
from demo.storybook import Thread

# So many of the newest threads are, mostly, ones written by hand.
NEWEST = 24
# Of composed threads so many are Chinese.
CHINESE = 0.18
# Of questions with an answer so many are solved, of votes so many are against.
SOLVED, AGAINST = 0.74, 0.055
# How many votes a post gets, by its place in the thread.
VOTES = (1.4, 2.2, 0.8, 0.3)
# Of posts so many are corrected.
CORRECTED = 0.035


def create_categories() -> None:
    """Create the parts of the forum, those included that not everybody sees."""
    ensure_categories()
    ensure_category("members", ("Members", "会员区"), Visibility.MEMBERS)
    ensure_category("staff", ("Staff room", "员工区"), Visibility.STAFF)


@dataclass(slots=True)
class Speakers:
    """Everybody who may speak, in the order they sign up."""

    everybody: Sequence[Person]
    characters: dict[str, Person]
    joined: list[datetime] = field(init=False)
    chinese: list[Person] = field(init=False)

    def __post_init__(self) -> None:
        self.everybody = sorted(self.everybody, key=lambda person: person.joined_at)
        self.joined = [person.joined_at for person in self.everybody]
        self.chinese = [person for person in self.everybody if person.is_chinese]

    def somebody(
        self, moment: datetime, rng: random.Random, *, is_chinese: bool, power: float
    ) -> Person | None:
        """Return a person who is there at ``moment``; old hands speak more often."""
        if is_chinese:
            here: Sequence[Person] = [
                person for person in self.chinese if person.joined_at < moment
            ]
            return here[int(len(here) * rng.random() ** power)] if here else None
        there = bisect(self.joined, moment)
        return self.everybody[int(there * rng.random() ** power)] if there else None

    def asker(
        self, thread: Thread, moment: datetime, end: datetime, rng: random.Random
    ) -> tuple[Person, datetime]:
        """Return who opens a thread and when, not before they have signed up."""
        if thread.asker and thread.days_ago is not None:
            person = self.characters[thread.asker]
            moment = end - timedelta(days=thread.days_ago)
            return person, max(moment, person.joined_at + timedelta(minutes=40))
        if thread.category == "staff":
            moderator = self.characters["mod"]
            return self.characters["staff"], max(moment, moderator.joined_at)
        ada = self.characters["ada"]
        moment = max(moment, ada.joined_at + timedelta(minutes=9))
        asker = self.somebody(moment, rng, is_chinese=thread.is_chinese, power=0.9)
        return asker or ada, moment

    def helper(
        self, thread: Thread, asker: Person, moment: datetime, rng: random.Random
    ) -> Person | None:
        """Return who replies; the characters do so more often than others."""
        if thread.category == "staff":
            chosen: list[Person | None] = [
                self.characters["staff"],
                self.characters["mod"],
            ]
        elif rng.random() < 0.16:
            chinese, others = ("chen", "chen", "ada"), ("ada", "ada", "mod")
            name = rng.choice(chinese if thread.is_chinese else others)
            chosen = [self.characters[name]]
        else:
            chosen = [
                self.somebody(moment, rng, is_chinese=thread.is_chinese, power=2.0)
                for _ in range(3)
            ]
        for person in chosen:
            if person not in (None, asker) and person.joined_at < moment:
                return person
        return None


def plan_threads(
    count: int,
    replies: tuple[int, int],
    speakers: Speakers,
    company: Company,
    rhythm: Rhythm,
    calendar: Calendar,
    rng: random.Random,
    on_deed: Callable[[], None],
) -> None:
    """Plan all that is asked, answered, voted, accepted and corrected."""
    for moment, thread in zip(
        rhythm.moments(count, rng), _programme(count, replies, rng), strict=True
    ):
        asker, moment = speakers.asker(thread, moment, rhythm.end, rng)
        talk = _Talk(thread, asker, company, rhythm.end, calendar, rng, on_deed)
        talk.plan(moment, speakers)


def _programme(
    count: int, replies: tuple[int, int], rng: random.Random
) -> list[Thread]:
    """Return the threads in their order: by hand where people look first."""
    by_hand = storybook.written()
    rng.shuffle(by_hand)
    by_hand = by_hand[:count]
    streams = {
        is_chinese: storybook.composed(
            storybook.phrasebook(is_chinese=is_chinese), replies, rng
        )
        for is_chinese in (False, True)
    }
    programme = [
        next(streams[rng.random() < CHINESE]) for _ in range(count - len(by_hand))
    ]
    newest = min(NEWEST, len(by_hand))
    for thread in by_hand[newest:]:
        programme.insert(rng.randrange(len(programme) + 1), thread)
    return programme + by_hand[:newest]


@dataclass(slots=True)
class _Talk:
    """One thread: planned as a whole, then done deed by deed."""

    thread: Thread
    asker: Person
    company: Company
    end: datetime
    calendar: Calendar
    rng: random.Random
    on_deed: Callable[[], None]
    # By their place in the thread, as they come into being.
    posts: list[Post] = field(default_factory=list)

    def plan(self, moment: datetime, speakers: Speakers) -> None:
        """Plan the thread, which begins at ``moment``."""
        self._do(moment, self._open)
        said = [(self.asker, moment, self.thread.text)]
        for line in self.thread.replies:
            moment += timedelta(minutes=int(self.rng.expovariate(1 / 190)) + 4)
            author = (
                self.asker
                if line.is_asker
                else speakers.helper(self.thread, self.asker, moment, self.rng)
            )
            if moment >= self.end or author is None:
                break
            self._do(moment, self._reply, author, line.text)
            said.append((author, moment, line.text))
        self._react(said, speakers)

    def _react(
        self, said: list[tuple[Person, datetime, str]], speakers: Speakers
    ) -> None:
        rng = self.rng
        for place, (author, moment, text) in enumerate(said):
            wanted = int(rng.expovariate(1 / VOTES[min(place, len(VOTES) - 1)]))
            self._plan_votes(place, author, moment, wanted, speakers)
            if rng.random() < CORRECTED:
                self._plan_correction(place, author, moment, text)
        is_solved = self.thread.kind == Topic.Kind.QUESTION and rng.random() < SOLVED
        if is_solved and len(said) > 1 and said[1][0] is not self.asker:
            moment = said[-1][1] + timedelta(minutes=rng.randrange(3, 90))
            self._do(moment, self._accept)

    def _plan_votes(
        self,
        place: int,
        author: Person,
        moment: datetime,
        wanted: int,
        speakers: Speakers,
    ) -> None:
        voted = {author.username}
        for _ in range(wanted):
            moment += timedelta(minutes=int(self.rng.expovariate(1 / 300)) + 1)
            voter = speakers.somebody(
                moment, self.rng, is_chinese=self.thread.is_chinese, power=1.3
            )
            if voter is None or voter.username in voted:
                continue
            if self.thread.category == "staff" and not voter.is_staff:
                continue
            voted.add(voter.username)
            value = -1 if self.rng.random() < AGAINST else 1
            self._do(moment, self._vote, place, voter, value)

    def _plan_correction(
        self, place: int, author: Person, moment: datetime, text: str
    ) -> None:
        book = storybook.phrasebook(is_chinese=self.thread.is_chinese)
        moment += timedelta(minutes=self.rng.randrange(6, 2_000))
        update, reason = self.rng.choice(book.updates), self.rng.choice(book.reasons)
        self._do(moment, self._edit, place, author, f"{text}\n\n{update}", reason)

    # Doing it.

    def _do(
        self, moment: datetime, deed: Callable[..., object], *given: object
    ) -> None:
        if moment >= self.end:
            return

        def act() -> None:
            deed(*given)
            self.on_deed()

        self.calendar.plan(moment, act)

    def _open(self) -> None:
        topic = forum.create_topic(
            Category.objects.get(slug=self.thread.category),
            author=self._user(self.asker),
            title=self.thread.title,
            text=self.thread.text,
            kind=self.thread.kind,
            tags=self.thread.tags,
            limited=False,
        )
        self.posts.append(topic.posts.get(number=1))

    def _reply(self, author: Person, text: str) -> None:
        topic, user = self.posts[0].topic, self._user(author)
        # Who answers has read what was said so far.
        forum.mark_read(topic, user=user, number=len(self.posts))
        self.posts.append(
            forum.post_reply(topic, author=user, text=text, limited=False)
        )

    def _vote(self, place: int, voter: Person, value: int) -> None:
        forum.vote(self.posts[place], by=self._user(voter), value=value, limited=False)

    def _edit(self, place: int, author: Person, text: str, reason: str) -> None:
        forum.edit_post(
            self.posts[place], editor=self._user(author), text=text, reason=reason
        )

    def _accept(self) -> None:
        forum.accept_answer(self.posts[1], by=self._user(self.asker))

    def _user(self, person: Person) -> User:
        return self.company[person.username]
