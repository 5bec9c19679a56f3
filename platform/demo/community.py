"""What the demo's people ask, answer and vote."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from accounts.models import User
from community.contributions.services import record_pull_request
from community.forum import services as forum
from community.forum.defaults import ensure_categories
from community.forum.models import Category, Topic
from demo.clock import at
from demo.texts import CATEGORIES, OPENERS, REPLIES, SUBJECTS, THREADS, Thread


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


def create_topics(
    count: int,
    people: list[User],
    characters: dict[str, User],
    start: datetime,
    end: datetime,
    rng: random.Random,
    on_topic: Callable[[], None],
) -> list[Topic]:
    """Have people ask and answer; the written threads first, then smaller ones."""
    categories = create_categories()
    topics = []
    for number in range(count):
        thread = (
            THREADS[number] if number < len(THREADS) else _small_thread(number, rng)
        )
        moment = start + (end - start) * ((number + 1) / (count + 2))
        here = [person for person in people if person.date_joined < moment]
        helpers = [characters["ada"], characters["chen"], characters["mod"], *here[:12]]
        helpers = [person for person in helpers if person.date_joined < moment]
        asker = rng.choice(here or helpers)
        topics.append(
            _play(thread, asker, helpers, categories[thread.category], moment, end, rng)
        )
        on_topic()
    return topics


def contribute(number: int, moment: datetime, *, user_id: str, login: str) -> None:
    """Have a pull request merged, as GitHub reports it."""
    with at(moment):
        record_pull_request(
            {
                "repository": {"id": 186853002, "full_name": "doorstone/doorstone"},
                "pull_request": {
                    "number": number,
                    "title": f"Docs: say what happens when a stream is cancelled (#{number})",
                    "html_url": f"https://github.com/doorstone/doorstone/pull/{number}",
                    "merged_at": moment.isoformat(),
                    "user": {"id": int(user_id), "login": login},
                },
            }
        )


def _play(
    thread: Thread,
    asker: User,
    helpers: list[User],
    category: Category,
    moment: datetime,
    end: datetime,
    rng: random.Random,
) -> Topic:
    with at(moment):
        topic = forum.create_topic(
            category,
            author=asker,
            title=thread.title,
            text=thread.text,
            kind=thread.kind,
            tags=thread.tags,
            limited=False,
        )
    answerers = [person for person in helpers if person.pk != asker.pk]
    first = None
    for text in thread.answers:
        moment = min(moment + timedelta(minutes=rng.randrange(7, 900)), end)
        if not answerers:
            break
        with at(moment):
            post = forum.post_reply(
                topic, author=rng.choice(answerers), text=text, limited=False
            )
        first = first or post
    if first is None:
        return topic
    for voter in rng.sample(answerers, k=min(len(answerers), rng.randrange(0, 5))):
        if voter.pk != first.author_id:
            with at(moment):
                forum.vote(first, by=voter, value=1, limited=False)
    if thread.kind == Topic.Kind.QUESTION and rng.random() < 0.78:
        with at(min(moment + timedelta(minutes=rng.randrange(5, 400)), end)):
            forum.accept_answer(first, by=asker)
    return topic


def _small_thread(number: int, rng: random.Random) -> Thread:
    opener, subject = rng.choice(OPENERS), rng.choice(SUBJECTS)
    return Thread(
        rng.choice(("help", "models", "self-hosting")),
        f"{opener} {subject}?",
        f"I tried to {subject} and did not find it in the documentation. What is the usual way?",
        tuple(rng.sample(REPLIES, k=rng.randrange(0, 4))),
        (rng.choice(("api", "gateway", "python", "deployment")),),
    )
