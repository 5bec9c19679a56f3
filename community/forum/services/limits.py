"""What a person may write at their level, measured on what readers would see."""

import re

from django.conf import settings

from accounts.models import User
from accounts.queries import usernames_among
from community.standing.exceptions import NoDownVotes, TooManyLinks, TooManyMentions
from community.standing.privileges import Privileges
from community.standing.queries import privileges_of
from design import markdown
from stores import limiter

DAY = 86_400
# Pictures of others are links as well.
_LINK = re.compile(r'<a [^>]*?href="(https?://[^"]+)"')


def admit_topic(author: User, text: str) -> None:
    """Count one more topic. Raises ``RateLimited`` or as ``admit_text``."""
    may = privileges_of(author)
    _check(may, text)
    limiter.check("topic", author.pk, limit=may.topics_a_day, period=DAY)


def admit_reply(author: User, text: str, *, kind: str = "reply") -> None:
    """Count one more reply or comment. Raises ``RateLimited`` or as ``admit_text``."""
    may = privileges_of(author)
    _check(may, text)
    limiter.check(kind, author.pk, limit=may.replies_a_day, period=DAY)


def admit_text(author: User, text: str, *, before: str = "") -> None:
    """Refuse more links or mentions than an author's level allows.

    Of an edit only what it adds to ``before`` is refused: who was known and is new
    again may still mend a word. Raises ``TooManyLinks`` or ``TooManyMentions``.
    """
    _check(privileges_of(author), text, before=before)


def admit_vote(person: User, value: int) -> None:
    """Count one more vote. Raises ``NoDownVotes`` or ``RateLimited``."""
    may = privileges_of(person)
    if value < 0 and not may.may_vote_down:
        raise NoDownVotes
    limiter.check("vote", person.pk, limit=may.votes_a_day, period=DAY)


def count_links(text: str) -> int:
    """Return how many links lead away from here in what ``text`` becomes."""
    found = _LINK.findall(markdown.render(text).html)
    return sum(not address.startswith(f"{settings.SITE_URL}/") for address in found)


def _check(may: Privileges, text: str, *, before: str = "") -> None:
    if may.links_in_text is not None:
        links = count_links(text)
        if links > may.links_in_text and links > (count_links(before) if before else 0):
            raise TooManyLinks(count=links, most=may.links_in_text)
    if may.mentions_in_text is not None:
        called = len(markdown.mentioned(text, usernames_among))
        present = len(markdown.mentioned(before, usernames_among)) if before else 0
        if called > may.mentions_in_text and called > present:
            raise TooManyMentions(count=called, most=may.mentions_in_text)
