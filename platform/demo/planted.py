"""What is planted for the graph to find: a page on the way, and one that lacks."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from accounts.models import User
from activity.models import Event
from activity.services import NewEvent
from billing.attribution.services import replace_ways
from billing.causes.services import estimate_causes
from billing.forecast.services import replace_forecast
from billing.growth.challenging import challenge_score
from billing.growth.judging import judge_scores
from community.docs.models import Page
from demo.rhythm import Rhythm
from knowledge.services import rebuild_graph

ON_THE_WAY = "billing/subscribing"
# Most buyers read how it is done before they do it.
READ = 0.8
# No page and no topic of the demo says a word about it.
LACKING = "pulumi"
# More than one lost search, and fewer than a busy installation has.
LOOKING = 7


def readings_before_checkouts(rng: random.Random) -> Iterator[NewEvent]:
    """Yield what buyers read in the two days before they began a checkout."""
    begun = Event.objects.filter(name="checkout_started", user_id__isnull=False)
    for user_id, moment in begun.order_by("occurred_at", "id").values_list(
        "user_id", "occurred_at"
    ):
        if user_id is not None:
            yield from reading_of(user_id, moment, rng)


def reading_of(
    user_id: int, moment: datetime, rng: random.Random
) -> Iterator[NewEvent]:
    """Yield what a buyer read, if they did, who begins a checkout at ``moment``."""
    address, subject = _on_the_way()
    if address and rng.random() < READ:
        yield NewEvent(
            name="page_viewed",
            occurred_at=moment - timedelta(hours=1 + 40 * rng.random()),
            user_id=user_id,
            subject=subject,
            path=address,
        )


def _on_the_way() -> tuple[str, str]:
    """Return the page's address and subject; both empty where there are no pages."""
    page = Page.objects.published().filter(
        version__is_default=True, locale="en", path=ON_THE_WAY
    )
    found = page.select_related("version").first()
    if found is None:
        return "", ""
    return found.get_absolute_url(), f"doc:{found.version.slug}/{found.path}"


def searches_for_what_lacks(
    people: Sequence[User], rhythm: Rhythm
) -> Iterator[NewEvent]:
    """Yield what several looked for in vain lately."""
    for number, person in enumerate(people[-LOOKING:]):
        yield NewEvent(
            name="searched",
            occurred_at=rhythm.end - timedelta(days=1 + 2 * number),
            user_id=person.pk,
            path="/search/",
            properties={
                "query": LACKING,
                "results": 0,
                "is_whole": False,
                "kind": "",
                "is_live": False,
            },
        )


def conclude(at: datetime) -> None:
    """Do once what the nights do: ways to a payment, effects, graph and judgements."""
    replace_ways()
    rebuild_graph(at)
    estimate_causes(at)
    replace_forecast()
    judge_scores(at)
    challenge_score(at)
