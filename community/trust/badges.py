"""The badges and whom each is due to: the table that people read, and the rules."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge: ``due`` is SQL that returns ``user_id`` of everybody it is due to.

    ``%(least)s`` in it stands for ``least``, the number the rule asks for.
    """

    slug: str
    name: str | Promise
    rule: str | Promise
    icon: str
    least: int
    due: str


_SOLVED = """
SELECT answer.author_id AS user_id FROM forum_topic AS topic
  JOIN forum_post AS answer ON answer.id = topic.solution_id
 WHERE answer.author_id <> topic.author_id AND topic.hidden_at IS NULL
 GROUP BY answer.author_id HAVING count(*) >= %(least)s
"""
_VOTED = """
SELECT DISTINCT author_id AS user_id FROM forum_post
 WHERE vote_score >= %(least)s AND hidden_at IS NULL
"""
_READ = """
SELECT user_id FROM forum_readingday GROUP BY user_id HAVING sum(posts) >= %(least)s
"""
_REPORTED = """
SELECT flag.person_id AS user_id FROM moderation_flag AS flag
  JOIN moderation_case AS held ON held.id = flag.case_id AND held.outcome = 'agreed'
 GROUP BY flag.person_id HAVING count(*) >= %(least)s
"""
_MERGED = """
SELECT user_id FROM contributions_contribution
 WHERE status = 'confirmed' AND user_id IS NOT NULL
 GROUP BY user_id HAVING count(*) >= %(least)s
"""
_YEARS = """
SELECT author_id AS user_id FROM forum_post AS post
  JOIN accounts_user AS person ON person.id = post.author_id
 WHERE person.date_joined < now() - make_interval(years => %(least)s)
   AND post.created_at > now() - interval '1 year' AND post.hidden_at IS NULL
 GROUP BY author_id
"""

# Few, and each for something that helped: what is counted is what is done.
_TABLE = (
    Badge(
        "solver", _("Solver"), _("An answer of yours was accepted by another person."),
        "circle-check", 1, _SOLVED,
    ),
    Badge(
        "guide", _("Guide"), _("Ten answers of yours were accepted by others."),
        "lightbulb", 10, _SOLVED,
    ),
    Badge(
        "mentor", _("Mentor"), _("Fifty answers of yours were accepted by others."),
        "trophy", 50, _SOLVED,
    ),
    Badge(
        "useful", _("Useful"), _("A post of yours has a score of five or more."),
        "thumbs-up", 5, _VOTED,
    ),
    Badge(
        "outstanding", _("Outstanding"),
        _("A post of yours has a score of twenty-five or more."), "star", 25, _VOTED,
    ),
    Badge(
        "reader", _("Reader"), _("You read a thousand posts."), "book-open", 1000, _READ
    ),
    Badge(
        "watchful", _("Watchful"),
        _("Moderators found five of your reports right."), "flag", 5, _REPORTED,
    ),
    Badge(
        "contributor", _("Contributor"), _("Work of yours was merged."),
        "git-merge", 1, _MERGED,
    ),
    Badge(
        "faithful", _("Faithful"),
        _("You joined more than a year ago and wrote something within the last one."),
        "clock", 1, _YEARS,
    ),
)  # fmt: skip
BADGES: dict[str, Badge] = {badge.slug: badge for badge in _TABLE}
