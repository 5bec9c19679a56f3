"""The four things people meet of which an effect on paying is asked, with verdicts."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Cause(models.TextChoices):
    """What may move α."""

    ACCEPTED_ANSWER = "accepted_answer", _("An answer to their question was accepted")
    DOCS_READ = "docs_read", _("They read the documentation again after a pause")
    FAST_REPLY = "fast_reply", _("The first reply to their question came within 1 hour")
    CONTRIBUTION = "contribution", _("A first contribution of theirs was credited")


class EffectVerdict(models.TextChoices):
    """A reason code; pages show its label in the number's place."""

    READABLE = "readable", _("can be read")
    FEW_TREATED = "few_treated", _("too few: it happened to fewer than 30 people")
    FEW_UNTREATED = (
        "few_untreated",
        _("too few: fewer than 30 people are there to compare with"),
    )
    FEW_PAYERS = "few_payers", _("too few: fewer than 10 of them paid afterwards")
    NO_OVERLAP = (
        "no_overlap",
        _("not comparable: nobody is like those it happened to"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a cause is compared: who may be compared from when, and what counts as it.

    ``starts`` is SQL that yields ``person``, ``start`` and ``topic`` (empty where none
    is meant): from ``start`` on, for ``exposure``, it happens or it does not.
    ``happened`` is the condition on an event of ``did`` by which it did.
    """

    starts: str
    exposure: timedelta
    happened: str
    asked_of: Promise


# Each Monday is a new comparison of everybody who is active, has not paid and has not
# met the cause in the four weeks before: this is their first time, or first again.
_WEEKS = """
SELECT person.id AS person, week AS start, NULL::bigint AS topic
  FROM person
 CROSS JOIN generate_series(date_trunc('week', %(since)s::timestamptz AT TIME ZONE 'UTC')
                              AT TIME ZONE 'UTC' + interval '4 weeks',
                            %(at)s::timestamptz - %(exposure)s - %(window)s,
                            interval '1 week') AS week
 WHERE person.activated_at < week
   AND NOT EXISTS (SELECT 1 FROM did WHERE did.person = person.id AND {happened}
                      AND did.at >= week - interval '4 weeks' AND did.at < week)
"""
# Each question is a comparison of its own, from the moment it was asked.
_QUESTIONS = """
SELECT asked.person, asked.at AS start, asked.topic
  FROM did AS asked JOIN person ON person.id = asked.person
 WHERE asked.kind = 'question'
   AND asked.at >= %(since)s::timestamptz + interval '4 weeks'
   AND asked.at <= %(at)s::timestamptz - %(exposure)s - %(window)s
"""
_DOCS, _CONTRIBUTED = "did.kind = 'docs'", "did.kind = 'contribution'"

DESIGNS: dict[Cause, Design] = {
    Cause.ACCEPTED_ANSWER: Design(
        starts=_QUESTIONS,
        # Most askers come back within a week, if at all.
        exposure=timedelta(days=7),
        happened="did.kind = 'accepted'",
        asked_of=_(
            "Each question of a person who has not paid, in the 7 days after it"
        ),
    ),
    Cause.DOCS_READ: Design(
        starts=_WEEKS.format(happened=_DOCS),
        exposure=timedelta(days=7),
        happened=_DOCS,
        asked_of=_(
            "Each week of an active person who has not paid and had read no page of the"
            " documentation in the 4 weeks before"
        ),
    ),
    Cause.FAST_REPLY: Design(
        starts=_QUESTIONS,
        exposure=timedelta(hours=1),
        happened="did.kind = 'replied'",
        asked_of=_("Each question of a person who has not paid, in the hour after it"),
    ),
    Cause.CONTRIBUTION: Design(
        starts=_WEEKS.format(happened=_CONTRIBUTED),
        exposure=timedelta(days=7),
        happened=_CONTRIBUTED,
        asked_of=_(
            "Each week of an active person who has not paid and had no contribution"
            " credited in the 4 weeks before"
        ),
    ),
}

# What is measured of a person before a comparison starts, in the order of the query.
FACTS: dict[str, Promise] = {
    "age": _("Days since they became active (logarithm)"),
    "days": _("Days on which they came, of the last 28"),
    "pages": _("Pages looked at (logarithm)"),
    "docs": _("Pages of the documentation read (logarithm)"),
    "searches": _("Searches (logarithm)"),
    "topics": _("Topics opened"),
    "replies": _("Replies written"),
    "refused": _("Days on which a call of theirs was refused for want of a plan"),
    "called": _("Has called a model"),
    "team": _("Belongs to a team"),
    "trend": _("Weeks since the first comparison"),
    "prices": _("Looked at the prices (logarithm)"),
}
# The outcome nothing of this can have caused: it happened before.
CONTROL = "prices"
