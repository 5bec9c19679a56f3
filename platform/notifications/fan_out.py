"""Telling many people the same thing, at the same cost as telling one."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation

from accounts.models import User
from jobs.services import nudge
from notifications.mailing import MAIL
from notifications.models import ALWAYS_BY_EMAIL, BY_EMAIL_UNLESS_REFUSED
from notifications.registry import silences

Words = str | Callable[[], str]
# So many mails leave at once; of more the sweep takes care, within fifteen seconds.
NUDGED = 20

# Every caller takes rows in one order, so that two never wait for each other.
# Once read a message is news again, and its count begins anew; until then it is one
# more of the same, and its address stays that of the first one not read. So a count
# of one, new or anew, is what is mailed.
_TELL = """
WITH told AS (
  INSERT INTO notifications_notification AS kept
    (user_id, kind, dedupe_key, url, title, body, words, actor_id, about_kind, about_id,
     count, created_at)
  SELECT person.id, %(kind)s, %(dedupe_key)s, %(url)s, {title}, {body},
         %(words)s::jsonb, %(actor_id)s::bigint,
         %(about_kind)s, %(about_id)s::bigint, 1, %(at)s::timestamptz
    FROM accounts_user AS person
   WHERE person.is_active AND person.id IN ({recipients})
     AND person.id IS DISTINCT FROM %(actor_id)s::bigint
   ORDER BY person.id
  ON CONFLICT (user_id, dedupe_key) DO UPDATE SET
    count = CASE WHEN kept.read_at IS NULL THEN kept.count + 1 ELSE 1 END,
    url = CASE WHEN kept.read_at IS NULL THEN kept.url ELSE excluded.url END,
    title = excluded.title, body = excluded.body, words = excluded.words,
    actor_id = excluded.actor_id,
    about_kind = excluded.about_kind, about_id = excluded.about_id,
    created_at = excluded.created_at, read_at = NULL
  RETURNING id, user_id, title, count
), mailed AS (
  INSERT INTO notifications_emailmessage
    ("to", user_id, kind, notification_id, subject, text, html, headers, message_id,
     idempotency_key, created_at)
  SELECT person.email, person.id, %(kind)s, told.id, told.title, '', '', '{{}}'::jsonb,
         '<' || replace(gen_random_uuid()::text, '-', '') || '@' || %(host)s || '>',
         '', %(now)s::timestamptz
    FROM told JOIN accounts_user AS person ON person.id = told.user_id
    LEFT JOIN notifications_preference AS chosen
      ON chosen.user_id = person.id AND chosen.kind = %(kind)s
   WHERE told.count = 1
     AND (%(always)s OR coalesce(chosen.by_email, %(by_default)s))
  RETURNING id
), queued AS (
  INSERT INTO jobs_job (kind, subject, due_at, created_at)
  SELECT %(job)s, id::text, %(now)s::timestamptz, %(now)s::timestamptz FROM mailed
)
SELECT (SELECT count(*) FROM told),
       (SELECT count(*) FROM mailed),
       ARRAY(SELECT id FROM mailed ORDER BY id LIMIT %(nudged)s)
"""


@transaction.atomic
def notify_all(
    recipients: QuerySet[User],
    kind: str,
    *,
    dedupe_key: str,
    url: str,
    title: Words,
    body: Words = "",
    actor_id: int | None = None,
    about: tuple[str, int] | None = None,
    at: datetime | None = None,
) -> int:
    """Tell each of ``recipients`` once per ``dedupe_key``; return how many were told.

    More of an unread message is counted; what comes after it was read is news again,
    also by mail for those who want ``kind`` by mail. Nobody is told of what they did
    themselves, and nobody whose account is closed. It is one statement, however many
    they are.

    ``title`` and ``body`` are words, or what returns them in the language that is
    active then. ``about`` names what it is about, as ``registry`` knows it: a
    person who may no longer see that is shown neither message nor mail.
    """
    about_kind, about_id = about or ("", None)
    now = timezone.now()
    if actor_id is not None and kind not in ALWAYS_BY_EMAIL:
        for silence in silences():
            recipients = recipients.exclude(pk__in=silence.deaf_to(actor_id))
    people, chosen = _named(recipients)
    titles = _in_each_language("title", title, limit=300)  # the column's width
    bodies = _in_each_language("body", body)
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL.format(
                title=_by_language("title"),
                body=_by_language("body"),
                recipients=people,
            ),
            {
                **chosen,
                **titles,
                **bodies,
                "words": json.dumps(_words(titles, bodies)),
                "kind": str(kind),
                "dedupe_key": dedupe_key,
                "url": url[:500],
                "actor_id": actor_id,
                "about_kind": about_kind,
                "about_id": about_id,
                "at": at or now,
                "now": now,
                "host": urlsplit(settings.SITE_URL).hostname or "localhost",
                "always": kind in ALWAYS_BY_EMAIL,
                "by_default": kind in BY_EMAIL_UNLESS_REFUSED,
                "job": MAIL,
                "nudged": NUDGED,
            },
        )
        told, mailed, first = cursor.fetchone()
    if mailed <= NUDGED:
        for mail_id in first:
            nudge(MAIL, mail_id)
    return int(told)


def _named(recipients: QuerySet[User]) -> tuple[str, dict[str, Any]]:
    """Return a queryset's primary keys as SQL with named parameters, and those."""
    query, values = recipients.order_by().values("pk").query.sql_with_params()
    named = {f"chosen_{number}": value for number, value in enumerate(values)}
    names = iter(named)
    return re.sub("%s", lambda _found: f"%({next(names)})s", query), named


def _by_language(name: str) -> str:
    """Return SQL that picks the words in a person's language."""
    default, *others = (code for code, _label in settings.LANGUAGES)
    cases = "".join(
        f" WHEN person.locale = '{code}' THEN %({name}_{code})s::text"
        for code in others
    )
    return f"CASE{cases} ELSE %({name}_{default})s::text END"


def _words(titles: dict[str, str], bodies: dict[str, str]) -> dict[str, Any]:
    """Return title and body by language; nothing where all languages say the same."""
    if len({*titles.values()}) == 1 and len({*bodies.values()}) == 1:
        return {}
    return {
        code: {"title": titles[f"title_{code}"], "body": bodies[f"body_{code}"]}
        for code, _label in settings.LANGUAGES
    }


def _in_each_language(
    name: str, words: Words, *, limit: int | None = None
) -> dict[str, str]:
    said = {}
    for code, _label in settings.LANGUAGES:
        with translation.override(code):
            text = words if isinstance(words, str) else words()
        said[f"{name}_{code}"] = text[:limit]
    return said
