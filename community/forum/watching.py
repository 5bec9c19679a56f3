"""What a reader chose for one thing they may follow."""

from accounts.models import User
from community.forum.models import Category, Person, Tag, Watch, WatchLevel


def watch_level(thing: Category | Tag | User | None, user: Person) -> str:
    """Return how closely ``user`` follows ``thing``; nothing where nobody could."""
    if thing is None or not isinstance(user, User) or thing == user:
        return ""
    kind = {Category: "category", Tag: "tag", User: "person"}[type(thing)]
    chosen = Watch.objects.filter(user=user, **{kind: thing})
    return chosen.values_list("level", flat=True).first() or WatchLevel.NORMAL
