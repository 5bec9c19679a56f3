"""A poll as tests ask it, and what was chosen in it."""

from typing import Any

from community.forum import services
from community.forum.models import Poll, Topic
from community.forum.services import PollValues


def poll_on(topic: Topic, **values: Any) -> Poll:
    asked = {"question": "Which theme?", "options": ("Dark", "Light", "Both"), **values}
    return services.set_poll(
        topic.posts.get(number=1), PollValues(**asked), by=topic.author
    )


def keys(poll: Poll) -> list[int]:
    return list(poll.options.values_list("pk", flat=True))


def counts(poll: Poll) -> list[int]:
    return list(poll.options.values_list("vote_count", flat=True))


def vote(poll: Poll, by: Any, *options: int) -> None:
    services.set_ballot(poll, by=by, options=options, limited=False)
