from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from community.imports.models import (
    ImportedComment,
    ImportedPerson,
    ImportedPost,
)
from community.imports.proofs import claimable_by

# An account has a handful of addresses; a dump has each person once.
_MOST = 50


@dataclass(frozen=True, slots=True)
class Histories:
    """What a person wrote elsewhere: what they may claim, and what they have."""

    open: list[ImportedPerson]
    claimed: list[ImportedPerson]


def histories_of(user: User) -> Histories:
    """Return what is ``user``'s by proof, each with its posts and comments counted."""
    claimed = ImportedPerson.objects.filter(claimed_by=user)
    return Histories(_counted(claimable_by(user)), _counted(claimed))


def origin_of(user: User) -> ImportedPerson | None:
    """Return who a placeholder stands for."""
    people = ImportedPerson.objects.filter(placeholder=user)
    return people.select_related("source").first()


def _counted(people: QuerySet[ImportedPerson]) -> list[ImportedPerson]:
    counted = people.annotate(
        post_count=_count_of(ImportedPost.objects.all()),
        comment_count=_count_of(ImportedComment.objects.all()),
    )
    return list(counted.select_related("source", "placeholder").order_by("pk")[:_MOST])


def _count_of(rows: "QuerySet[ImportedPost] | QuerySet[ImportedComment]") -> Coalesce:
    own = rows.filter(person=OuterRef("pk")).order_by().values("person")
    return Coalesce(Subquery(own.annotate(many=Count("pk")).values("many")), 0)
