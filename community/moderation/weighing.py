"""How much a report weighs, and when reports alone take a text out of sight.

The weight is Discourse's: one, the level, and how often the person was right before.
What reports may hide is ours: any number of accounts that were never right hide nothing
(decision 68).
"""

import math
from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import User
from community.moderation.models import Case, Flag
from community.standing.models import Level
from community.standing.queries import level_of

# Below it there is no record to speak of.
ENOUGH = 5
# Who is right in seven of ten cases is neither better nor worse than others.
AXIS = 0.7
# Of one report; a record of a thousand right ones weighs no more than a moderator's.
MOST = 15
# Three people who each were right before, and together weigh as much as three members.
PROVEN_PEOPLE = 3
HIDING_SCORE = 9  # as above
# Who reported the same texts three times within a month is one voice.
TOGETHER = 3
MONTH = timedelta(days=30)  # as above


def weight_of(person: User, *, level: Level | None = None) -> int:
    """Return how much a report of ``person`` weighs, from 0 to ``MOST``."""
    right, wrong = record_of(person)
    level = level_of(person) if level is None else level
    base = 1 + (5 if person.is_staff or person.is_moderator else int(level))
    return max(0, min(MOST, round(base + accuracy_bonus(right, wrong))))


def accuracy_bonus(right: int, wrong: int) -> float:
    """Return what a record of reports adds: nothing up to five, then ever more slowly.

    Nothing at seven of ten right, up to five times log4 of their number at all right,
    and as much less at none.
    """
    total = right + wrong
    if total <= ENOUGH:
        return 0.0
    share = right / total
    side = 1 - AXIS if share > AXIS else AXIS
    return 5 * math.log(total, 4) * (share - AXIS) / side


def record_of(person: User) -> tuple[int, int]:
    """Return how many reports of ``person`` were found right, and how many wrong."""
    told = Flag.objects.filter(person=person).aggregate(
        right=Count("pk", filter=Q(case__outcome=Case.Outcome.AGREED)),
        wrong=Count("pk", filter=Q(case__outcome=Case.Outcome.DISAGREED)),
    )
    return told["right"], told["wrong"]


def is_proven(person: User) -> bool:
    """Tell whether a report of ``person`` may help to hide a text.

    Moderators found one of theirs right, and most of them. A level alone is not
    enough: reading can be pretended by a program, being right before a moderator not.
    """
    if person.is_staff or person.is_moderator:
        return True
    right, wrong = record_of(person)
    return right > 0 and right >= AXIS * (right + wrong)


def hides(case: Case, *, author: User) -> bool:
    """Tell whether the reports of a case alone take its text out of sight.

    Three proven voices are needed whose weights reach the bound; each level of the
    author makes it half as high again, and what regulars write only moderators hide.
    """
    level = level_of(author)
    if level >= Level.REGULAR:
        return False
    proven = list(case.flags.filter(is_proven=True).order_by("pk"))
    voices = _voices([flag.person_id for flag in proven])
    heaviest: dict[int, int] = {}
    for flag in proven:
        voice = voices[flag.person_id]
        heaviest[voice] = max(heaviest.get(voice, 0), flag.weight)
    bound = HIDING_SCORE * (2 + int(level)) // 2
    return len(heaviest) >= PROVEN_PEOPLE and sum(heaviest.values()) >= bound


_TOGETHER = """
SELECT one.person_id, other.person_id
  FROM moderation_flag AS one
  JOIN moderation_flag AS other
    ON other.case_id = one.case_id AND other.person_id > one.person_id
  JOIN moderation_case AS held ON held.id = one.case_id
 WHERE one.person_id = ANY(%(people)s) AND other.person_id = ANY(%(people)s)
   AND one.created_at > %(since)s AND held.outcome <> 'agreed'
 GROUP BY 1, 2 HAVING count(*) > %(most)s
"""


def _voices(people: Iterable[int]) -> dict[int, int]:
    """Return of each person the voice they belong to, named by its first member.

    Reports a moderator found right make nobody a crowd: many see the same spam.
    """
    people = list(people)
    voices = {person: person for person in people}
    with connection.cursor() as cursor:
        cursor.execute(
            _TOGETHER,
            {
                "people": people,
                "since": timezone.now() - MONTH,
                # The case that is judged now is one of those they share.
                "most": TOGETHER,
            },
        )
        for one, other in cursor.fetchall():
            kept, gone = sorted((voices[one], voices[other]))
            voices = {p: kept if v == gone else v for p, v in voices.items()}
    return voices
