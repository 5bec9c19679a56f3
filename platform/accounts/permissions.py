"""Who may do what in an organisation."""

from django.contrib.auth.models import AnonymousUser

from accounts.models import Membership, Organisation, User

Person = User | AnonymousUser
_MANAGERS = {Membership.Role.OWNER, Membership.Role.ADMIN}


def role_in(user: Person, organisation: Organisation) -> str | None:
    """Return ``user``'s role in ``organisation``."""
    if not isinstance(user, User):
        return None
    return (
        Membership.objects.filter(user=user, organisation=organisation)
        .values_list("role", flat=True)
        .first()
    )


def can_manage_members(user: Person, organisation: Organisation) -> bool:
    return (
        organisation.kind == Organisation.Kind.TEAM
        and role_in(user, organisation) in _MANAGERS
    )


def can_manage_billing(user: Person, organisation: Organisation) -> bool:
    return role_in(user, organisation) in {
        Membership.Role.OWNER,
        Membership.Role.BILLING,
    }


def can_manage_keys(user: Person, organisation: Organisation) -> bool:
    return role_in(user, organisation) in {*_MANAGERS, Membership.Role.MEMBER}


def can_see_audit(user: Person, organisation: Organisation) -> bool:
    return role_in(user, organisation) in _MANAGERS


def can_choose_storage(user: Person, organisation: Organisation) -> bool:
    return role_in(user, organisation) in _MANAGERS
