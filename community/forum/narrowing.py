"""What ``author:``, ``tag:`` and the others mean in a search of the forum.

Each asks the forum's own tables, so it knows what is so now and what the reader may
see: the index is only where words are found.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Category, Person, Post, Tag, Topic
from community.forum.queries import Among
from core.reading import FIRST_DAY, LAST_DAY
from search.asking import UnknownFilter

# Topics under a tag whose entries are all read: some ten thousand. Of a larger one the
# newest entries hold enough of any word.
FEW = 2_000


def by_author(value: str, reader: Person) -> Q:
    """Return what one person wrote, by their user name."""
    name = value.removeprefix("@")
    author = User.objects.filter(username__iexact=name, is_active=True).first()
    if author is None:
        raise UnknownFilter(_("Nobody is called “%(name)s” here.") % {"name": name})
    return _posts(reader, Q(author=author))


def by_tag(value: str, reader: Person) -> Q:
    """Return what stands under a tag, by its name or its address."""
    name = value.removeprefix("#")
    tags = Tag.objects.visible_to(reader)
    own = Q(name__iexact=name) | Q(slug__iexact=name)
    other = Q(synonyms__name__iexact=name) | Q(synonyms__slug__iexact=name)
    tag = tags.filter(own).first() or tags.filter(other).first()
    if tag is None:
        raise UnknownFilter(_("There is no tag “%(name)s”.") % {"name": name})
    under = Q(topic_tags__tag=tag)
    if tag.topic_count > FEW:
        return _topics(reader, under)
    # From the topics to their entries. The other way each entry that holds a common
    # word was asked for its topic: half a million blocks at a million entries.
    topics = Topic.objects.visible_to(reader).filter(under).values("pk")
    return Q(Among(F("object_id"), ArraySubquery(topics)))


def by_category(value: str, reader: Person) -> Q:
    """Return what stands in a category, by its address or its name in a language."""
    categories = Category.objects.visible_to(reader)
    named = Q(slug__iexact=value) | Q(name__iexact=value) | Q(name_zh=value)
    category = categories.filter(named).first()
    if category is None:
        known = ", ".join(categories.values_list("slug", flat=True))
        raise UnknownFilter(
            _("There is no category “%(name)s”. There are: %(known)s.")
            % {"name": value, "known": known}
        )
    return _topics(reader, Q(category=category))


def by_solved(value: str, reader: Person) -> Q:
    """Return questions that have, or lack, an accepted answer."""
    wish = {"yes": True, "1": True, "是": True, "no": False, "0": False, "否": False}
    if value.lower() not in wish:
        raise UnknownFilter(_("“solved:” takes yes or no."))
    is_solved = wish[value.lower()]
    return _topics(reader, Q(kind=Topic.Kind.QUESTION, solution__isnull=not is_solved))


def written_before(value: str, reader: Person) -> Q:
    """Return what was written before a day begins."""
    return _posts(reader, Q(created_at__lt=_midnight(_day(value, "before"))))


def written_after(value: str, reader: Person) -> Q:
    """Return what was written after a day has ended."""
    next_day = _day(value, "after") + timedelta(days=1)
    return _posts(reader, Q(created_at__gte=_midnight(next_day)))


FILTERS: dict[str, Callable[[str, Person], Q]] = {
    "author": by_author,
    "tag": by_tag,
    "category": by_category,
    "solved": by_solved,
    "before": written_before,
    "after": written_after,
}


def _posts(reader: Person, condition: Q) -> Q:
    # Part 0 is the topic itself, whose text is its first post.
    number = Greatest(OuterRef("part"), Value(1))
    posts = Post.objects.visible_to(reader).filter(
        condition, topic_id=OuterRef("object_id"), number=number
    )
    return Q(Exists(posts))


def _topics(reader: Person, condition: Q) -> Q:
    topics = Topic.objects.visible_to(reader).filter(
        condition, pk=OuterRef("object_id")
    )
    return Q(Exists(topics))


def _day(value: str, name: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or len(value) != 10 or not FIRST_DAY <= day <= LAST_DAY:
        raise UnknownFilter(
            _("“%(name)s:” takes a day such as 2026-01-31.") % {"name": name}
        )
    return day


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
