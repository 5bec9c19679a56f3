"""The demo's ideas, with votes and decisions, and its polls."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from community.forum import services as forum
from community.forum.models import Category, Poll, Post, Topic
from demo import storybook
from demo.calendar import Calendar
from demo.forum import Speakers
from demo.people import Company, Person
from demo.storybook import IdeaStory, PollStory

# Staff answer an idea when people have had time to vote.
DECIDED_AFTER = timedelta(days=3)


@dataclass(slots=True)
class Wishes:
    """Plans ideas and polls; by chance of its own, so that nothing else changes."""

    speakers: Speakers
    company: Company
    calendar: Calendar
    end: datetime

    def plan(self) -> None:
        """Plan every idea, and the polls on threads that are there by the end."""
        for wish in storybook.wishes():
            person = self.speakers.characters[wish.by]
            moment = self.end - timedelta(days=wish.days_ago)
            moment = max(moment, person.joined_at + timedelta(hours=2))
            if moment < self.end:
                self.calendar.plan(moment, self._open, wish, moment)
        for question in storybook.polls():
            # A thread of the last weeks has been opened by then.
            moment = self.end - timedelta(days=2)
            self.calendar.plan(moment, self._ask, question, moment)

    def _open(self, wish: IdeaStory, moment: datetime) -> None:
        topic = forum.create_topic(
            Category.objects.get(slug=wish.category),
            author=self._user(self.speakers.characters[wish.by]),
            title=wish.title,
            text=wish.text,
            kind=Topic.Kind.IDEA,
            tags=wish.tags,
            limited=False,
        )
        opening = topic.posts.get(number=1)
        for voter, at in self._voters(wish.title, wish.votes, moment, wish.is_chinese):
            if voter.username != wish.by:
                self.calendar.plan(at, self._vote, opening, voter)
        decided_at = moment + DECIDED_AFTER
        if wish.state and decided_at < self.end:
            self.calendar.plan(decided_at, self._decide, topic, wish)

    def _vote(self, post: Post, voter: Person) -> None:
        forum.vote(post, by=self._user(voter), value=1, limited=False)

    def _decide(self, topic: Topic, wish: IdeaStory) -> None:
        staff = self._user(self.speakers.characters["staff"])
        forum.set_idea_state(topic, by=staff, state=wish.state, word=wish.word)

    def _ask(self, question: PollStory, moment: datetime) -> None:
        topic = Topic.objects.filter(title=question.title).first()
        if topic is None:
            return
        asked = forum.PollValues(
            question=question.question,
            options=question.options,
            most_choices=question.most_choices,
            is_anonymous=question.is_anonymous,
        )
        poll = forum.set_poll(topic.posts.get(number=1), asked, by=topic.author)
        options = list(poll.options.values_list("pk", flat=True))
        rng = random.Random(question.title)  # noqa: S311 - the same demo each time
        is_chinese = topic.locale == "zh-hans"
        for voter, at in self._voters(
            question.title, question.votes, moment, is_chinese
        ):
            chosen = rng.sample(options, rng.randint(1, question.most_choices))
            self.calendar.plan(at, self._choose, poll, voter, chosen)

    def _choose(self, poll: Poll, voter: Person, chosen: list[int]) -> None:
        user = self._user(voter)
        forum.set_ballot(poll, by=user, options=chosen, limited=False)

    def _voters(
        self, seed: str, count: int, moment: datetime, is_chinese: bool
    ) -> list[tuple[Person, datetime]]:
        """Return who votes and when: each once, of those who are there by then."""
        rng = random.Random(seed)  # noqa: S311 - the same demo each time
        found: dict[str, tuple[Person, datetime]] = {}
        for _ in range(count):
            moment += timedelta(minutes=int(rng.expovariate(1 / 90)) + 1)
            voter = self.speakers.somebody(
                moment, rng, is_chinese=is_chinese, power=1.3
            )
            if voter is not None and moment < self.end:
                found.setdefault(voter.username, (voter, moment))
        return list(found.values())

    def _user(self, person: Person) -> User:
        return self.company[person.username]
