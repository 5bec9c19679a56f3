"""What a person may write at their level, measured on what readers would see."""

import re
from html import unescape
from urllib.parse import urlsplit

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
_LINK = re.compile(r'<a [^>]*?href="([^"]+)"')


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
    return sum(map(_leads_away, _LINK.findall(markdown.render(text).html)))


def _leads_away(address: str) -> bool:
    """Tell whether a browser would leave the site, in whatever way it is written.

    ``HTTPS://``, ``//there`` and ``https:there`` lead away as well, and so does mail.
    """
    try:
        parts = urlsplit(unescape(address))
    except ValueError:
        # No address to Python, yet browsers open much that is none.
        return True
    ours = urlsplit(settings.SITE_URL)
    is_ours = parts.scheme in {"", ours.scheme} and parts.netloc == ours.netloc
    return bool(parts.scheme or parts.netloc) and not is_ours


def added_mentions(before: str, text: str) -> str:
    """Return whom ``text`` calls and ``before`` did not, with commas between."""
    called = markdown.mentioned(text, usernames_among)
    known = set(markdown.mentioned(before, usernames_among)) if called else set()
    return ",".join(name for name in called if name not in known)


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
