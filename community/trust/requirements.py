"""What each level asks for, and what keeps it: the bound falls slower than it rises.

The numbers are Discourse's, where they have held for ten years, with what we do not
count left out (time on a page) and what helps added: accepted answers (decision 70).
"""

import math
from dataclasses import dataclass, fields

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from community.standing.models import Level
from community.trust.figures import Figures

# Discourse's low-water mark: a tenth less, or more of what is bad, does not demote.
KEPT_AT = 0.9
# As many days nobody falls after rising, so that a level is worth having.
GRACE_DAYS = 14

LABELS: dict[str, str | Promise] = {
    "days_here": _("Days since you joined"),
    "days_visited": _("Days on which you read something new"),
    "topics_read": _("Topics read"),
    "posts_read": _("Posts read"),
    "topics_replied": _("Topics of others you replied to"),
    "votes_given": _("Votes up you gave"),
    "helped": _("Accepted answers, of yours or to your questions"),
    "reports_upheld": _("People whose reports of your texts were right, in 100 days"),
    "sanctions_recent": _("Times you were silenced or suspended, in 100 days"),
    "days_visited_recent": _("Days on which you read something new, in 100 days"),
    "topics_read_recent": _("Topics read, in 100 days"),
    "topics_replied_recent": _("Topics of others you replied to, in 100 days"),
    "votes_given_recent": _("Votes up you gave, in 100 days"),
    "votes_got_recent": _("Votes up on your posts, in 100 days"),
    "voters_recent": _("People who voted your posts up, in 100 days"),
    "voting_days_recent": _("Days on which your posts were voted up, in 100 days"),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One figure a level asks for: at least ``bound``, or at most (``is_most``)."""

    figure: str
    bound: int
    is_most: bool = False

    @property
    def kept(self) -> int:
        """The bound at which the level is kept."""
        if self.is_most:
            return math.floor(self.bound / KEPT_AT) + (1 if self.bound else 0)
        return math.ceil(self.bound * KEPT_AT)

    def is_met(self, figures: Figures, *, keeping: bool = False) -> bool:
        """Tell whether the figures reach the bound, or the one that keeps a level."""
        value: int = getattr(figures, self.figure)
        bound = self.kept if keeping else self.bound
        return value <= bound if self.is_most else value >= bound


REQUIREMENTS: dict[Level, tuple[Requirement, ...]] = {
    # A day, since advertisers post at once or never.
    Level.BASIC: (
        Requirement("days_here", 1),
        Requirement("topics_read", 5),
        Requirement("posts_read", 30),
        Requirement("reports_upheld", 2, is_most=True),
    ),
    Level.MEMBER: (
        Requirement("days_here", 15),
        Requirement("days_visited", 10),
        Requirement("topics_read", 20),
        Requirement("posts_read", 100),
        Requirement("topics_replied", 3),
        Requirement("votes_given", 1),
        Requirement("helped", 1),
        Requirement("reports_upheld", 4, is_most=True),
    ),
    # Of votes a quarter of people and a third of days: no two friends make a regular.
    Level.REGULAR: (
        Requirement("days_visited_recent", 50),
        Requirement("topics_read_recent", 100),
        Requirement("topics_replied_recent", 10),
        Requirement("votes_given_recent", 30),
        Requirement("votes_got_recent", 20),
        Requirement("voters_recent", 5),
        Requirement("voting_days_recent", 7),
        Requirement("reports_upheld", 4, is_most=True),
        Requirement("sanctions_recent", 0, is_most=True),
    ),
}


def measured_level(figures: Figures, *, present: Level, may_fall: bool) -> Level:
    """Return the level that figures give to a person who has ``present``.

    They rise as far as every level on the way is met, and fall one level at a time,
    where even what keeps it is missed and the grace is over. Leaders are chosen by
    staff: nothing measured makes or unmakes one.
    """
    if present == Level.LEADER:
        return present
    level: Level = Level(int(present))
    while level < Level.REGULAR and meets(figures, Level(level + 1)):
        level = Level(level + 1)
    if level > present or present == Level.NEWCOMER or not may_fall:
        return level
    if meets(figures, present, keeping=True):
        return present
    return Level(present - 1)


def meets(figures: Figures, level: Level, *, keeping: bool = False) -> bool:
    """Tell whether figures meet all that a level asks for, or all that keeps it."""
    return all(each.is_met(figures, keeping=keeping) for each in REQUIREMENTS[level])


def as_json(figures: Figures) -> dict[str, int]:
    """Return figures by name."""
    return {each.name: getattr(figures, each.name) for each in fields(figures)}
