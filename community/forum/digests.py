"""The weekly letter: what was worth reading, in a person's language and time zone.

It comes on Monday morning by the reader's own clock, to those who asked for it, once a
week whatever happens: the mail has a key of its own. A week without anything makes no
mail.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.preferences import speak_to
from community.forum.models import Topic, TopicUser
from community.forum.queries import without_muted
from notifications.mailing import queue_mail
from notifications.models import EmailMessage, Kind, Notification, Preference
from notifications.registry import Letter
from notifications.tokens import unsubscribe_token

WEEK = timedelta(days=7)  # until the next letter
# Monday, and an hour at which a letter is read with the first coffee.
WEEKDAY, HOUR = 0, 8
# As many as are read; more are a list, and there is one.
MOST = 8
_ZONES = available_timezones()


def send_digests(at: datetime | None = None) -> int:
    """Write the letters that are due at ``at``, an hour's; return how many.

    May run twice, and again after a crash: the key of a letter is its week.
    """
    at = at or timezone.now()
    return sum(_send(person, at) for person in _due(at))


def _due(at: datetime) -> Iterator[User]:
    """Yield who asked for letters and has Monday morning now."""
    asked = Preference.objects.filter(
        user=OuterRef("pk"), kind=Kind.DIGEST, by_email=True
    )
    people = User.objects.filter(Exists(asked), is_active=True).order_by("pk")
    # Pieces that are read while the ones before are written.
    for person in people.iterator(chunk_size=500):
        zone = person.time_zone if person.time_zone in _ZONES else "UTC"
        here = at.astimezone(ZoneInfo(zone))
        if (here.weekday(), here.hour) == (WEEKDAY, HOUR):
            yield person


@transaction.atomic
def _send(person: User, at: datetime) -> bool:
    year, week, _day = at.isocalendar()
    key = f"digest:{person.pk}:{year}-{week}"
    if EmailMessage.objects.filter(idempotency_key=key).exists():
        return False
    letter = letter_of(person, at)
    if letter is None:
        return False
    # What it says is asked again when it leaves: a topic may be hidden meanwhile.
    queue_mail(
        letter.to,
        subject=letter.subject,
        user=person,
        kind=Kind.DIGEST,
        idempotency_key=key,
    )
    return True


def letter_of(person: User, at: datetime) -> Letter | None:
    """Return the letter of the week before ``at``; ``None`` when nothing was new.

    So it is for who has closed their account.
    """
    topics = best_of_week(person, at)
    unread = Notification.objects.visible_to(person).unread().count()
    if not person.is_active or not (topics or unread):
        return None
    token = unsubscribe_token(person, Kind.DIGEST)
    stop_url = settings.SITE_URL + reverse("notifications:unsubscribe", args=[token])
    with speak_to(person):
        context = {
            "user": person,
            "topics": topics,
            "unread": unread,
            "site_url": settings.SITE_URL,
            "site_name": settings.SITE_NAME,
            "stop_url": stop_url,
        }
        return Letter(
            person.email,
            _("Your week in the community"),
            render_to_string("forum/email/digest.txt", context),
            render_to_string("forum/email/digest.html", context),
            {
                "List-Unsubscribe": f"<{stop_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )


def best_of_week(person: User, at: datetime) -> list[Topic]:
    """Return the hottest topics of a week that ``person`` may read and has not opened.

    What they muted, and what they wrote, is left out.
    """
    opened = TopicUser.objects.filter(
        topic=OuterRef("pk"), user=person, last_read_number__gt=0
    )
    muted = TopicUser.objects.filter(
        topic=OuterRef("pk"), user=person, level=TopicUser.Level.MUTED
    )
    topics = without_muted(Topic.objects.visible_to(person), person).listed()
    fresh = topics.filter(created_at__gt=at - WEEK, created_at__lte=at)
    fresh = fresh.exclude(Exists(opened)).exclude(Exists(muted))
    shown = fresh.exclude(author=person).select_related("category", "author")
    return list(shown.order_by("-hot_score", "-pk")[:MOST])
