"""What others report that belongs on record, as of when it was done."""

from datetime import datetime
from typing import Any

from accounts.models import Organisation, PersonalAccessToken, User
from audit.services import record
from contracts.accounts import (
    AccessTokenCreated,
    AccessTokenRevoked,
    MemberAdded,
    MemberInvited,
    MemberRemoved,
    MemberRoleChanged,
)
from contracts.entitlements import EntitlementsChanged
from outbox import subscribe_dated


@subscribe_dated(MemberInvited)
def record_invitation(fact: MemberInvited, *, at: datetime) -> None:
    """Note who held a place open, and which."""
    _record(
        "member.invited",
        fact.organisation_id,
        at=at,
        actor_id=fact.by_id,
        target=f"invitation:{fact.invitation_id}",
        after={"role": fact.role},
    )


@subscribe_dated(MemberAdded)
def record_new_member(fact: MemberAdded, *, at: datetime) -> None:
    """Note who joined; the actor is who let them in."""
    _record(
        "member.added",
        fact.organisation_id,
        at=at,
        actor_id=fact.by_id or fact.user_id,
        target=_person(fact.user_id),
        after={"role": fact.role},
    )


@subscribe_dated(MemberRemoved)
def record_removal(fact: MemberRemoved, *, at: datetime) -> None:
    """Note who left or was taken out."""
    _record(
        "member.removed",
        fact.organisation_id,
        at=at,
        actor_id=fact.by_id,
        target=_person(fact.user_id),
    )


@subscribe_dated(MemberRoleChanged)
def record_role(fact: MemberRoleChanged, *, at: datetime) -> None:
    """Note a member's role before and after."""
    _record(
        "member.role_changed",
        fact.organisation_id,
        at=at,
        actor_id=fact.by_id,
        target=_person(fact.user_id),
        before={"role": fact.role_before},
        after={"role": fact.role},
    )


@subscribe_dated(EntitlementsChanged)
def record_plan(fact: EntitlementsChanged, *, at: datetime) -> None:
    """Note another plan; changes within one plan are billing's to explain."""
    if not fact.plan_before or fact.plan_before == fact.plan:
        return
    _record(
        "plan.changed",
        fact.organisation_id,
        at=at,
        actor_id=None,
        target=f"revision:{fact.revision}",
        before={"plan": fact.plan_before},
        after={"plan": fact.plan},
    )


@subscribe_dated(AccessTokenCreated)
def record_new_token(fact: AccessTokenCreated, *, at: datetime) -> None:
    """Note a new token for the REST API."""
    _record_token("token.created", fact.token_id, fact.user_id, at=at)


@subscribe_dated(AccessTokenRevoked)
def record_revoked_token(fact: AccessTokenRevoked, *, at: datetime) -> None:
    """Note a token that was taken out of use."""
    _record_token("token.revoked", fact.token_id, fact.user_id, at=at)


def _record_token(action: str, token_id: int, user_id: int, *, at: datetime) -> None:
    user = User.objects.filter(pk=user_id).first()
    token = PersonalAccessToken.objects.filter(pk=token_id).first()
    own = Organisation.objects.personal().filter(owner_id=user_id).first()
    record(
        action,
        actor=user,
        organisation=own,
        target=str(token or f"token:{token_id}"),
        at=at,
    )


def _record(
    action: str, organisation_id: int, *, actor_id: int | None, **details: Any
) -> None:
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    actor = User.objects.filter(pk=actor_id).first() if actor_id else None
    record(action, actor=actor, organisation=organisation, **details)


def _person(user_id: int) -> str:
    name = User.objects.filter(pk=user_id).values_list("username", flat=True).first()
    return f"user:{name or user_id}"
