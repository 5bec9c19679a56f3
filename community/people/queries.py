"""Who hears of whom, and how people are found."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from community.forum.models import Person, Post, Topic, readers_of
from community.people.models import Stance

# What is read at a glance, and fits above a phone's keyboard.
MOST_NAMES = 6


def hearing_nothing_of(actor_id: int) -> QuerySet[Stance, int]:
    """Return the keys of people who mute or block a person."""
    silencing = Stance.objects.silencing().filter(person_id=actor_id)
    return silencing.values_list("user_id", flat=True)


def silenced_by(user: User) -> QuerySet[Stance, int]:
    """Return the keys of people whom ``user`` mutes or blocks."""
    silencing = Stance.objects.silencing().filter(user_id=user.pk)
    return silencing.values_list("person_id", flat=True)


def stance_to(person: User, *, of: Person) -> str:
    """Return what ``of`` wishes of ``person``: a kind, or nothing."""
    if not of.is_authenticated:
        return ""
    kinds = Stance.objects.filter(user_id=of.pk, person=person)
    return kinds.values_list("kind", flat=True).first() or ""


def followers_of(person_id: int) -> QuerySet[User]:
    """Return who follows a person."""
    follow = Stance.objects.filter(
        user=OuterRef("pk"), person_id=person_id, kind=Stance.Kind.FOLLOW
    )
    return User.objects.filter(Exists(follow), is_active=True)


def find_people(words: str) -> QuerySet[User]:
    """Return people whose user name or name begins with ``words``; all without any.

    Beginnings, since an index answers them however many people there are.
    """
    people = User.objects.filter(is_active=True)
    wanted = words.strip().removeprefix("@").lower()
    if not wanted:
        return people
    named = people.annotate(
        lower_username=Lower("username"), lower_name=Lower("display_name")
    )
    return named.filter(
        Q(lower_username__startswith=wanted) | Q(lower_name__startswith=wanted)
    )


def suggest_people(words: str, *, to: User, topic: Topic | None = None) -> list[User]:
    """Return whom ``to`` may mean by ``words`` behind an “@”, the likeliest first.

    Of a topic only people who may read it: who takes part, then the others. Without
    words those who take part; nobody where there is no topic. Left out are ``to``,
    whom they mute or block, and who has closed their account; that another person
    mutes them shows nowhere. One query.
    """
    people = find_people(words).filter(closes_at=None).exclude(pk=to.pk)
    people = people.exclude(pk__in=silenced_by(to))
    if topic is None:
        if not words:
            return []
        return list(people.order_by(Lower("username"))[:MOST_NAMES])
    posts = Post.objects.filter(topic=topic, hidden_at=None)
    people = people.filter(pk__in=readers_of(topic).values("pk"))
    if not words:
        people = people.filter(pk__in=posts.values("author"))
    taking_part = Exists(posts.filter(author=OuterRef("pk")))
    people = people.annotate(takes_part=taking_part)
    return list(people.order_by("-takes_part", Lower("username"))[:MOST_NAMES])
