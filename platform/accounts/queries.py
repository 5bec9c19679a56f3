from collections.abc import Collection

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    OuterRef,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import Invitation, Membership, Organisation, User
from core.crypto import keyed_digest


def personal_organisation(user: User) -> Organisation:
    """Return the organisation that is ``user`` alone."""
    return Organisation.objects.get(owner=user, kind=Organisation.Kind.PERSONAL)


def current_organisation(user: User) -> Organisation:
    """Return the organisation ``user`` works in now.

    It is the one they chose last, wherever that was, as long as they belong to it;
    else the team they joined last, else their own.
    """
    rank = Case(
        When(pk=user.current_organisation_id, then=Value(0)),
        When(kind=Organisation.Kind.TEAM, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    mine = Organisation.objects.filter(memberships__user_id=user.pk)
    current = mine.order_by(rank, "-memberships__created_at", "-pk").first()
    return current or personal_organisation(user)


def own_organisations(user: User) -> QuerySet[Organisation]:
    """Return the organisations that nobody but ``user`` belongs to: theirs alone."""
    others = Membership.objects.filter(organisation=OuterRef("pk"))
    mine = Organisation.objects.filter(memberships__user_id=user.pk)
    return mine.exclude(Exists(others.exclude(user_id=user.pk)))


def teams_without_another_owner(user: User) -> QuerySet[Organisation]:
    """Return the teams that have other members and would have no owner left."""
    others = Membership.objects.filter(organisation=OuterRef("pk"))
    others = others.exclude(user_id=user.pk)
    led = Organisation.objects.filter(
        memberships__user_id=user.pk, memberships__role=Membership.Role.OWNER
    )
    return led.filter(Exists(others)).exclude(
        Exists(others.filter(role=Membership.Role.OWNER))
    )


def membership_of(user: User, organisation: Organisation) -> Membership | None:
    """Return ``user``'s place in ``organisation``, if any."""
    return Membership.objects.filter(user=user, organisation=organisation).first()


def usernames_among(names: Collection[str]) -> dict[str, str]:
    """Return which of ``names``, in lower case, are people, each as it is written."""
    people = User.objects.annotate(lower=Lower("username"))
    found = people.filter(lower__in=list(names), is_active=True)
    return dict(found.values_list("lower", "username"))


def open_invitation(token: str) -> Invitation | None:
    """Return the invitation of a mail, with its team and who sent it, while open."""
    return (
        Invitation.objects.select_related("organisation", "invited_by")
        .filter(
            token_digest=keyed_digest(token, purpose="invitation"),
            accepted_at=None,
            expires_at__gt=timezone.now(),
        )
        .first()
    )
