"""Who hears of what is written in a topic: levels of the topic and of its places.

What a person chose for the topic itself comes first. Where they chose nothing, one
muted place silences all of it, and one watched place lets them hear it. All of it is
SQL: it costs the same for any number of people. Who is muted by a person is left out
where everything is told.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from community.forum.models import PlaceWatch, Topic, TopicUser, WatchLevel, readers_of

# The person each row is about.
_WHO = OuterRef("pk")


def listeners_of(topic: Topic, *, number: int) -> QuerySet[User]:
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
    readers = readers_of(topic).filter(Exists(watching) | by_place)
    return readers.exclude(Exists(has_read))


def listeners_of_new(topic: Topic) -> QuerySet[User]:
    """Return who is told that a topic was opened in a place they watch."""
    places = _places_of(topic)
    return readers_of(topic).filter(
        Exists(places.filter(level=WatchLevel.WATCHING)),
        ~Exists(places.filter(level=WatchLevel.MUTED)),
    )


def _places_of(topic: Topic) -> QuerySet[PlaceWatch]:
    tags = topic.topic_tags.values("tag")
    return PlaceWatch.objects.filter(
        Q(category=topic.category_id) | Q(tag__in=tags), user=_WHO
    )
