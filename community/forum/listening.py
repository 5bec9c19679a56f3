"""Who hears of what is written in a topic: levels of the topic, its places, its author.

What a person chose for the topic itself comes first. Where they chose nothing, one
muted place silences all of it, and one watched place lets them hear it. Whom they
muted they never hear. All of it is SQL: it costs the same for any number of people.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from community.forum.models import Topic, TopicUser, Watch, WatchLevel, readers_of

# Django would take OuterRef("pk") of one queryset for that of another.
_WHO = OuterRef("pk")


def listeners_of(topic: Topic, *, author_id: int, number: int) -> QuerySet[User]:
    """Return who is told of post ``number``, that they have not read yet.

    Who has read it by now needs no message.
    """
    own = TopicUser.objects.filter(user=_WHO, topic=topic)
    watching = own.filter(level=TopicUser.Level.WATCHING)
    chosen = own.filter(~Q(level=TopicUser.Level.NORMAL) | Q(is_chosen=True))
    places = _places_of(topic)
    by_place = (
        Exists(places.filter(level=WatchLevel.WATCHING))
        & ~Exists(places.filter(level=WatchLevel.MUTED))
        & ~Exists(chosen)
    )
    has_read = own.filter(last_read_number__gte=number)
    readers = hearing(readers_of(topic), author_id=author_id)
    return readers.filter(Exists(watching) | by_place).exclude(Exists(has_read))


def listeners_of_new(topic: Topic) -> QuerySet[User]:
    """Return who is told that a topic was opened: by its places, or by its author."""
    places = _places_of(topic)
    author = Watch.objects.filter(
        user=_WHO, person=topic.author_id, level=WatchLevel.WATCHING
    )
    watched = Exists(places.filter(level=WatchLevel.WATCHING)) | Exists(author)
    readers = hearing(readers_of(topic), author_id=topic.author_id)
    return readers.filter(watched, ~Exists(places.filter(level=WatchLevel.MUTED)))


def hearing(people: QuerySet[User], *, author_id: int) -> QuerySet[User]:
    """Leave out who muted the author of what is told."""
    muted = Watch.objects.filter(user=_WHO, person=author_id, level=WatchLevel.MUTED)
    return people.exclude(Exists(muted))


def _places_of(topic: Topic) -> QuerySet[Watch]:
    tags = topic.topic_tags.values("tag")
    return Watch.objects.filter(
        Q(category=topic.category_id) | Q(tag__in=tags), user=_WHO
    )
