"""Every change of people and organisations."""

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.exceptions import (
    AlreadyMember,
    IdentityTaken,
    InvitationInvalid,
    LastOwner,
    RoleTooHigh,
)
from accounts.models import Identity, Invitation, Membership, Organisation, User
from accounts.seats import require_seat_to_offer, require_seat_to_take
from accounts.second_factor import require_second_factor
from contracts.accounts import (
    IdentityLinked,
    MemberAdded,
    MemberInvited,
    MemberRemoved,
    MemberRoleChanged,
    OrganisationCreated,
    OrganisationEdited,
    UserSignedUp,
)
from core.crypto import keyed_digest
from core.names import taken_at
from outbox import publish

# Longer than a week off sick, shorter than a mailbox that changes hands.
INVITATION_LIFETIME = timedelta(days=7)
# In order: nobody gives, changes or takes a role above their own.
RANK = {
    Membership.Role.MEMBER: 0,
    Membership.Role.BILLING: 1,
    Membership.Role.ADMIN: 2,
    Membership.Role.OWNER: 3,
}


@transaction.atomic
def register_user(user: User, *, visitor_id: str = "") -> User:
    """Finish a sign-up: give ``user`` a personal organisation and tell everyone.

    Safe to call again; ``user`` is already saved.
    """
    if Organisation.objects.filter(
        owner=user, kind=Organisation.Kind.PERSONAL
    ).exists():
        return user
    publish(UserSignedUp(user_id=user.pk, visitor_id=visitor_id))
    create_organisation(
        user.username, owner=user, kind=Organisation.Kind.PERSONAL, slug=user.username
    )
    return user


def set_language(user: User, language: str) -> None:
    """Speak to ``user`` in ``language`` from now on, on pages and in mails."""
    user.locale = language
    user.save(update_fields=["locale"])


def set_theme(user: User, theme: User.Theme) -> None:
    """Show ``user`` every page in ``theme`` from now on, on every device."""
    user.theme = theme
    user.save(update_fields=["theme"])


def set_first_preferences(
    user: User, *, language: str, time_zone: str, theme: str, wish: str = ""
) -> None:
    """Begin with what the browser of a sign-up says; a mail has none to ask."""
    user.locale = language
    user.time_zone = time_zone
    user.theme = theme
    user.wish = wish
    user.save(update_fields=["locale", "time_zone", "theme", "wish"])


def clear_wish(user: User) -> None:
    """Forget where ``user`` wanted to go when they signed up: they are there."""
    if user.wish:
        user.wish = ""
        user.save(update_fields=["wish"])


def choose_organisation(user: User, organisation: Organisation) -> None:
    """Make ``organisation`` the one ``user`` works in, on every page and device.

    Nothing happens for an organisation ``user`` does not belong to.
    """
    if user.current_organisation_id == organisation.pk:
        return
    if not organisation.memberships.filter(user_id=user.pk).exists():
        return
    user.current_organisation = organisation
    user.save(update_fields=["current_organisation"])


@transaction.atomic
def create_user(
    email: str,
    username: str,
    password: str | None = None,
    *,
    visitor_id: str = "",
    **fields: object,
) -> User:
    """Create a person with a personal organisation, as a sign-up does.

    ``visitor_id`` is the browser they sign up with, if it is known.
    """
    user = User.objects.create_user(email, username, password, **fields)
    require_second_factor(user)
    return register_user(user, visitor_id=visitor_id)


@transaction.atomic
def create_organisation(
    name: str,
    *,
    owner: User,
    kind: str = Organisation.Kind.TEAM,
    slug: str = "",
) -> Organisation:
    """Create an organisation with ``owner`` as its first member."""
    organisation = Organisation.objects.create(
        name=name,
        slug=_free_slug(slug or name),
        kind=kind,
        owner=owner if kind == Organisation.Kind.PERSONAL else None,
        billing_email=owner.email,
    )
    Membership.objects.create(
        organisation=organisation, user=owner, role=Membership.Role.OWNER
    )
    if kind == Organisation.Kind.TEAM:
        choose_organisation(owner, organisation)
    require_second_factor(owner)
    publish(
        OrganisationCreated(
            organisation_id=organisation.pk, user_id=owner.pk, kind=kind
        )
    )
    return organisation


@transaction.atomic
def set_details(
    organisation: Organisation,
    *,
    name: str,
    billing_email: str,
    country: str,
    by: User,
) -> Organisation:
    """Say what an organisation is called and where its bills go; its address stays."""
    locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
    wished = {"name": name, "billing_email": billing_email, "country": country}
    if all(getattr(locked, field) == value for field, value in wished.items()):
        return locked
    for field, value in wished.items():
        setattr(locked, field, value)
    locked.save(update_fields=[*wished])
    publish(OrganisationEdited(organisation_id=locked.pk, user_id=by.pk))
    return locked


@transaction.atomic
def add_member(
    organisation: Organisation,
    *,
    user: User,
    role: str = Membership.Role.MEMBER,
    by_id: int | None = None,
) -> Membership:
    """Add ``user`` to ``organisation``; whether there is a seat was asked before.

    Raises ``AlreadyMember``.
    """
    membership, is_new = Membership.objects.get_or_create(
        organisation=organisation, user=user, defaults={"role": role}
    )
    if not is_new:
        raise AlreadyMember
    require_second_factor(user)
    publish(
        MemberAdded(
            organisation_id=organisation.pk, user_id=user.pk, role=role, by_id=by_id
        )
    )
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: str, by: Membership) -> Membership:
    """Give a member another role, never above that of ``by``.

    The organisation's rows are locked so that two owners cannot demote each
    other at once. Raises ``RoleTooHigh`` or ``LastOwner``.
    """
    if RANK[Membership.Role(role)] > RANK[Membership.Role(by.role)]:
        raise RoleTooHigh
    locked = _lock_member(membership)
    if RANK[Membership.Role(locked.role)] > RANK[Membership.Role(by.role)]:
        raise RoleTooHigh
    if locked.role == Membership.Role.OWNER and role != Membership.Role.OWNER:
        _keep_an_owner(locked)
    role_before = locked.role
    if role == role_before:
        return locked
    locked.role = role
    locked.save(update_fields=["role"])
    require_second_factor(locked.user)
    publish(
        MemberRoleChanged(
            organisation_id=locked.organisation_id,
            user_id=locked.user_id,
            role=role,
            role_before=role_before,
            by_id=by.user_id,
        )
    )
    return locked


@transaction.atomic
def remove_member(membership: Membership, *, by: Membership | None = None) -> None:
    """Take a member out, never one whose role is above that of ``by``.

    Raises ``RoleTooHigh`` or ``LastOwner``.
    """
    locked = _lock_member(membership)
    if by and RANK[Membership.Role(locked.role)] > RANK[Membership.Role(by.role)]:
        raise RoleTooHigh
    if locked.role == Membership.Role.OWNER:
        _keep_an_owner(locked)
    publish(
        MemberRemoved(
            organisation_id=locked.organisation_id,
            user_id=locked.user_id,
            by_id=by.user_id if by else None,
        )
    )
    locked.delete()
    require_second_factor(locked.user)


@transaction.atomic
def invite_member(
    organisation: Organisation, *, email: str, role: str, by: Membership
) -> tuple[Invitation, str]:
    """Create an invitation for ``email``; return it with its secret token.

    An open invitation to the same address is replaced. The organisation's row is
    locked: two invitations at once cannot promise the same seat. Raises
    ``AlreadyMember``, ``NoSeatLeft`` or ``RoleTooHigh``.
    """
    if RANK[Membership.Role(role)] > RANK[Membership.Role(by.role)]:
        raise RoleTooHigh
    _lock(organisation)
    if organisation.memberships.filter(user__email__iexact=email).exists():
        raise AlreadyMember
    organisation.invitations.filter(email__iexact=email, accepted_at=None).delete()
    require_seat_to_offer(organisation)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organisation=organisation,
        email=email.lower(),
        role=role,
        token_digest=keyed_digest(token, purpose="invitation"),
        invited_by_id=by.user_id,
        expires_at=timezone.now() + INVITATION_LIFETIME,
    )
    publish(
        MemberInvited(
            organisation_id=organisation.pk,
            invitation_id=invitation.pk,
            role=role,
            by_id=by.user_id,
        )
    )
    return invitation, token


def withdraw_invitation(invitation: Invitation) -> None:
    """Close a place that was held open, unless it has been taken."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None).delete()


@transaction.atomic
def accept_invitation(token: str, *, user: User) -> Membership:
    """Take the place an invitation holds open, once.

    The organisation's row is locked: of two who come for the last seat one gets
    it, and the other's invitation stays open. Raises ``InvitationInvalid`` for a
    used, expired or foreign invitation, ``NoSeatLeft`` or ``AlreadyMember``.
    """
    open_ones = Invitation.objects.filter(
        token_digest=keyed_digest(token, purpose="invitation"),
        accepted_at=None,
        expires_at__gt=timezone.now(),
        email__iexact=user.email,
    )
    invitation = open_ones.select_related("organisation").first()
    if invitation is None:
        raise InvitationInvalid
    _lock(invitation.organisation)
    if open_ones.update(accepted_at=timezone.now()) != 1:
        raise InvitationInvalid
    if not invitation.organisation.memberships.filter(user=user).exists():
        require_seat_to_take(invitation.organisation)
    membership = add_member(
        invitation.organisation,
        user=user,
        role=invitation.role,
        by_id=invitation.invited_by_id,
    )
    choose_organisation(user, invitation.organisation)
    return membership


@transaction.atomic
def link_identity(
    user: User, *, provider: str, external_id: str, login: str = ""
) -> Identity:
    """Link an outside account to ``user``. Raises ``IdentityTaken``."""
    try:
        with transaction.atomic():
            identity, is_new = Identity.objects.get_or_create(
                provider=provider,
                external_id=external_id,
                defaults={"user": user, "login": login},
            )
    except IntegrityError as error:
        raise IdentityTaken from error
    if identity.user_id != user.pk:
        raise IdentityTaken
    if is_new:
        publish(
            IdentityLinked(
                user_id=user.pk, provider=provider, external_id=external_id, login=login
            )
        )
    elif identity.login != login:
        identity.login = login
        identity.save(update_fields=["login"])
    return identity


def _lock(organisation: Organisation) -> None:
    Organisation.objects.select_for_update().get(pk=organisation.pk)


def _free_slug(wish: str) -> str:
    base = slugify(wish)[:50] or "org"
    slug = base
    while slug in taken_at("console/") or (
        Organisation.objects.filter(slug=slug).exists()
    ):
        # Every name in Chinese has the same base: sixteen bits would be used up.
        slug = f"{base}-{secrets.token_hex(4)}"
    return slug


def _lock_member(membership: Membership) -> Membership:
    rows = list(
        Membership.objects.select_for_update()
        .filter(organisation_id=membership.organisation_id)
        .order_by("pk")
    )
    for row in rows:
        if row.pk == membership.pk:
            return row
    raise Membership.DoesNotExist


def _keep_an_owner(leaving: Membership) -> None:
    others = Membership.objects.filter(
        organisation_id=leaving.organisation_id, role=Membership.Role.OWNER
    ).exclude(pk=leaving.pk)
    if not others.exists():
        raise LastOwner
